//! Asking people, on their terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

use crate::{
    exit::{Exit, Failure},
    signal,
};

/// Whether there is somebody to ask.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for something that must not be seen while it is typed. A signal ends it, and the terminal is as it was.
pub(crate) async fn secret(question: &str) -> Result<Zeroizing<String>, Failure> {
    show(question);
    let quiet = hidden::Quiet::new().map_err(|error| unreadable(&error))?;
    let typed = tokio::select! {
        biased;
        exit = signal::stopped() => Err(exit),
        typed = tokio::task::spawn_blocking(hidden::line) => Ok(typed),
    };
    drop(quiet);
    show("\n");
    let typed = typed
        .map_err(|exit| Failure::new(exit, "prompt", "stopped by a signal"))?
        .map_err(|error| Failure::new(Exit::Bug, "prompt", error))?;
    match typed {
        Ok(Some(text)) if !text.trim().is_empty() => Ok(Zeroizing::new(text.trim().to_owned())),
        Ok(_) => Err(Failure::new(Exit::Authentication, "prompt", "nothing was typed")),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            Err(Failure::new(Exit::Interrupted, "prompt", "stopped by Ctrl-C"))
        }
        Err(error) => Err(unreadable(&error)),
    }
}

/// Asks for something that may be seen. `None` when there is no more input.
pub(crate) fn line(question: &str) -> Result<Option<String>, Failure> {
    show(question);
    let mut text = String::new();
    match io::stdin().lock().read_line(&mut text) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(text.trim().to_owned())),
        Err(error) => Err(unreadable(&error)),
    }
}

fn show(text: &str) {
    // Without a standard error nobody reads the question, and the answer may come all the same.
    let _ = write!(io::stderr(), "{text}");
    let _ = io::stderr().flush();
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::new(Exit::Authentication, "prompt", format!("standard input cannot be read: {error}"))
}

#[cfg(unix)]
mod hidden {
    use std::io::{self, Read as _};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use zeroize::Zeroizing;

    /// A line. Ctrl-C is an error of the kind `Interrupted`. Other keys that write nothing, such as Ctrl-Z and the arrows,
    /// are passed over.
    pub(super) fn line() -> io::Result<Option<Zeroizing<String>>> {
        typed(|| {
            let mut byte = [0];
            Ok((io::stdin().lock().read(&mut byte)? > 0).then_some(byte[0]))
        })
    }

    fn typed(mut next: impl FnMut() -> io::Result<Option<u8>>) -> io::Result<Option<Zeroizing<String>>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        let mut handed_on = None;
        loop {
            let byte = match handed_on.take() {
                None => next()?,
                byte => byte,
            };
            match byte {
                None | Some(b'\n' | b'\r') => break,
                Some(END_OF_FILE) if bytes.is_empty() => return Ok(None),
                Some(CTRL_C) => return Err(io::ErrorKind::Interrupted.into()),
                Some(BACKSPACE | DELETE) => {
                    // The whole of a character that takes several bytes.
                    while bytes.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
                }
                Some(ESCAPE) => handed_on = pass_sequence(&mut next)?,
                Some(control) if control < b' ' => {}
                Some(other) => bytes.push(other),
            }
        }
        String::from_utf8(bytes.to_vec())
            .map(|text| Some(Zeroizing::new(text)))
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
    }

    /// What a key sends that is no sign: escape, a bracket, and all up to a letter or `~`. What belongs to no such sequence
    /// is another key, and handed on.
    fn pass_sequence(next: &mut impl FnMut() -> io::Result<Option<u8>>) -> io::Result<Option<u8>> {
        match next()? {
            Some(b'[' | b'O') => loop {
                match next()? {
                    Some(b' '..=b'?') => {}
                    Some(b'@'..=b'~') => return Ok(None),
                    other => return Ok(other),
                }
            },
            other => Ok(other),
        }
    }

    /// Neither echo nor lines nor signals, until it is dropped.
    pub(super) struct Quiet(Termios);

    impl Quiet {
        pub(super) fn new() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut quiet = before.clone();
            quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
            tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
            Ok(Self(before))
        }
    }

    impl Drop for Quiet {
        fn drop(&mut self) {
            // A terminal that has gone away needs no echo.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        }
    }

    const CTRL_C: u8 = 3;
    const END_OF_FILE: u8 = 4;
    const BACKSPACE: u8 = 8;
    const ESCAPE: u8 = 27;
    const DELETE: u8 = 127;

    #[cfg(test)]
    mod tests {
        use super::*;

        /// The line, `^C`, or `none`.
        fn read(keys: &str) -> String {
            let mut keys = keys.bytes();
            match typed(|| Ok(keys.next())) {
                Ok(Some(text)) => text.to_string(),
                Ok(None) => "none".to_owned(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => "^C".to_owned(),
                Err(error) => error.to_string(),
            }
        }

        #[test]
        fn keys_that_write_nothing_are_passed_over() {
            for keys in
                ["ab\r", "a\u{1b}[Ab\n", "a\u{1b}[1;5Cb\n", "a\u{1b}OPb", "ä\u{7f}a\u{1a}b\n", "ax\u{8}b\n"]
            {
                assert_eq!(read(keys), "ab", "{keys:?}");
            }
            assert_eq!(read("\u{4}"), "none");
        }

        #[test]
        fn the_key_behind_an_escape_counts() {
            assert_eq!(read("ab\u{1b}\rx\n"), "ab");
            assert_eq!(read("ab\u{1b}\u{1b}[\rx\n"), "ab");
            for keys in ["ab\u{1b}\u{3}x\n", "ab\u{1b}[\u{3}x\n", "ab\u{1b}[1\u{3}x\n"] {
                assert_eq!(read(keys), "^C", "{keys:?}");
            }
            assert_eq!(read("ab\u{1b}"), "ab");
        }
    }
}

#[cfg(not(unix))]
mod hidden {
    use std::io::{self, BufRead as _};

    use zeroize::Zeroizing;

    /// Nothing is hidden here.
    pub(super) struct Quiet;

    impl Quiet {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }
    }

    /// A line. It can be seen.
    pub(super) fn line() -> io::Result<Option<Zeroizing<String>>> {
        let mut text = Zeroizing::new(String::new());
        Ok((io::stdin().lock().read_line(&mut text)? > 0).then_some(text))
    }
}
