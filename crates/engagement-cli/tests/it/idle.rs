//! Options that would do nothing where they stand.

use crate::engagement::Folder;

#[test]
fn options_of_no_use_are_refused() {
    let folder = Folder::new();
    for (words, option) in [
        ("collect --endpoint totals --store s.db 20 --out o.csv", "--out"),
        ("--out o.csv collect --endpoint totals --store s.db 20", "--out"),
        ("collect --endpoint totals --store s.db 20 -o csv", "-o"),
        ("collect --endpoint totals --store s.db 20 --output parquet", "-o"),
        ("28hr 20 -o raw --group-by mine=tweet.id,engagement.type --by day", "--by"),
        ("historical 20 --start 7d -o raw --group-by mine=tweet.id,engagement.type --by hour", "--by"),
    ] {
        folder.engagement(words).run().ends(2).prints_nothing().says(&[option, "is of no use", "leave"]);
    }
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn what_is_of_use_or_said_for_all_is_not() {
    let folder = Folder::new();
    let collect = "--profile emulator collect --endpoint totals --metrics favorites 20";
    folder.engagement(&format!("{collect} --dry-run -o csv --out plan")).run().ends(0);
    let run = |words: &str| folder.engagement(&format!("{collect} --store s.db {words}"));
    run("-o json").run().ends(0);
    run("").env("ENGAGEMENT_OUT", "rows").env("ENGAGEMENT_OUTPUT", "csv").run().ends(0);
    assert!(!folder.names().contains(&"rows".to_owned()));
    run("--new-job").run().ends(0).says(&["--new-job changes nothing", "--again"]);
    let raw = "28hr 20 --dry-run -o raw --group-by mine=tweet.id,engagement.type";
    folder.engagement(raw).env("ENGAGEMENT_BY", "day").run().ends(0);
}

#[test]
fn the_range_of_now_is_not_told_of_a_job_that_goes_on() {
    let folder = Folder::new();
    folder.write("owners", "tweet_id,handle\n1763000000000000001,demo_brand\n");
    let collect = || {
        let words =
            "--profile emulator collect --endpoint historical --start 7d 1763000000000000001 --store s.db";
        folder.engagement(words).args(["--owners", "owners", "--metrics", "impressions"]).run()
    };
    collect().says(&["widened to whole hours"]);
    let again = collect().says(&["job 1"]);
    assert!(!again.stderr.contains("widened"), "{}", again.stderr);
}
