/// What an account is called: by its handle, where that is known, and by its numeric id, where its token tells it.
///
/// ```
/// use engagement_model::AccountNames;
///
/// let names = AccountNames { handle: Some("demo_brand"), user_id: Some(1111) };
/// assert_eq!(names.shown(), "demo_brand");
/// assert!(names.include("@Demo_Brand") && names.include("1111") && !names.include("demo"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountNames<'a> {
    /// The screen name, without `@`. It can change.
    pub handle: Option<&'a str>,
    /// The numeric id, which cannot.
    pub user_id: Option<u64>,
}

impl AccountNames<'_> {
    /// The one to show: the handle, else the user id, else `user`.
    pub fn shown(self) -> String {
        match (self.handle, self.user_id) {
            (Some(handle), _) => handle.to_owned(),
            (None, Some(user_id)) => user_id.to_string(),
            (None, None) => "user".to_owned(),
        }
    }

    /// Whether `name` is one of them: a handle in any case, with or without `@`, or a user id.
    pub fn include(self, name: &str) -> bool {
        self.all().any(|own| own == Self::comparable(name))
    }

    /// All of them, as [`AccountNames::comparable`] writes them.
    pub fn all(self) -> impl Iterator<Item = String> {
        let shown = Self::comparable(&self.shown());
        let user_id = self.user_id.map(|user_id| user_id.to_string()).filter(|user_id| *user_id != shown);
        user_id.into_iter().chain([shown])
    }

    /// A name as it is compared: in lower case and without `@`.
    pub fn comparable(name: &str) -> String {
        name.strip_prefix('@').unwrap_or(name).to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_answers_to_its_names() {
        let names = |handle, user_id| AccountNames { handle, user_id };
        let brand = names(Some("demo_brand"), Some(1111));
        assert!(brand.include("demo_brand") && brand.include("@Demo_Brand") && brand.include("1111"));
        assert!(!brand.include("demo") && !brand.include("") && !brand.include("user"));
        assert_eq!(names(None, Some(1111)).shown(), "1111");
        assert_eq!(names(None, None).shown(), "user");
        assert_eq!(names(None, Some(1111)).all().collect::<Vec<_>>(), ["1111"]);
        assert_eq!(brand.all().collect::<Vec<_>>(), ["1111", "demo_brand"]);
    }
}
