//! The list: order, groups, search, marks.

use credbench::model::{Edit, Solution};
use credbench::tui::Ended;
use insta::assert_snapshot;

use crate::support::ui::{Start, Ui, put};
use crate::support::vault::{Home, now};

const SOME: &str = r#"[
  {"key":"stripe.live","kind":"api_key","name":"Stripe, live","service":"stripe","tags":["prod"],
   "config":{"base_url":"https://api.stripe.example","api_key":"sk-1"},"test":{"method":"GET","path":"/v1/me"}},
  {"key":"billing.db","kind":"basic_auth","expires_at":"2026-11-25",
   "config":{"base_url":"https://db.example","username":"ann","password":"p"}},
  {"key":"mail.token","kind":"bearer_token","service":"mailer","expires_at":"2026-01-02",
   "config":{"base_url":"https://mail.example","token":"t"}},
  {"key":"tls.pair","kind":"secret","config":{"values":{"TLS_KEY":"k"}}},
  {"key":"half","kind":"api_key","config":{"base_url":"https://half.example"}}
]"#;

#[test]
fn opens_on_the_list_sorted_by_key() {
    assert_snapshot!(Start::with(SOME).open().screen());
}

#[test]
fn narrow_screens_show_one_pane_at_a_time() {
    let mut ui = Start::with(SOME).size(80, 24).open();
    assert_snapshot!("narrow_list", ui.screen());
    ui.keys("<tab>");
    assert_snapshot!("narrow_details", ui.screen());
    ui.keys("<tab>").sees("No tests yet").keys("<tab>").sees("billing.db");
}

#[test]
fn eighty_by_twenty_four_shows_fifteen_rows_of_the_list() {
    let many: Vec<String> = (0..40)
        .map(|n| format!(r#"{{"key":"key.{n:02}","kind":"secret","config":{{"values":{{"A":"a"}}}}}}"#))
        .collect();
    let mut ui = Start::with(&format!("[{}]", many.join(","))).size(80, 24).open();
    let rows = |ui: &mut crate::support::ui::Ui| ui.screen().matches("key.").count();
    assert!(rows(&mut ui) >= 15, "{}", ui.screen());
    ui.keys("<end>").sees("▸ key.39").keys("<home>").sees("▸ key.00");
    ui.keys("<pagedown>").misses("▸ key.00").keys("<pageup>").sees("▸ key.00");
    ui.keys("jjj").sees("▸ key.03").keys("kk").sees("▸ key.01").keys("<down><up><up><up>").sees("▸ key.00");
}

#[test]
fn search_finds_as_you_type() {
    let mut ui = Start::with(SOME).open();
    ui.keys("/strp").sees("1 of 5").sees("▸ stripe.live").misses("tls.pair");
    ui.keys("<enter>").sees("1 of 5").keys("e").sees("form │ json").keys("<esc>");
    ui.keys("<esc>").sees("tls.pair").misses("1 of 5");
    ui.keys("/status:expiring").sees("1 of 5").sees("▸ billing.db").keys("<esc>");
    ui.keys("/kind:secret").sees("▸ tls.pair").keys("<esc>");
    ui.keys("/prod").sees("▸ stripe.live").keys("<esc>");
    ui.keys("/status:nonsense").sees("there is no status").sees("mail.token").keys("<esc>");
    ui.keys("/zzzz").sees("Nothing fits this search").keys("<esc>").sees("5 credentials");
}

#[test]
fn groups_by_solution_and_service() {
    let home = Home::with_vault();
    let edit = Edit::AddSolution { solution: Solution::named("staging") };
    home.open().unwrap().store.commit(vec![edit], now()).unwrap();
    put(&home, SOME);
    put(&home, r#"{"key":"a.first","solution":"staging","kind":"secret","config":{"values":{"A":"a"}}}"#);
    let mut ui = Start::at(home).open();
    ui.sees("default  5").sees("staging  1").sees("▸ billing.db");
    ui.keys("g").sees("grouped by service").sees("no service  4").sees("stripe  1");
    ui.keys("g").sees("not grouped").misses("no service  4");
}

#[test]
fn marks_choose_what_is_removed_together() {
    let mut ui = Start::with(SOME).open();
    ui.keys("<space><space>").sees("*half").sees("*billing.db").sees("remove marked");
    ui.keys("d").sees("Remove these 2 credentials?").sees("half of default").keys("y");
    ui.wait("2 credentials moved to the trash").sees("3 credentials").misses("billing.db");
    ui.keys("u").wait("undone: the removal of 2 credentials").sees("5 credentials");
}

#[test]
fn removing_starts_on_no_and_names_what_it_is() {
    let mut ui = Start::with(SOME).open();
    ui.keys("<end>k").sees("▸ stripe.live");
    ui.keys("d").sees("Remove stripe.live “Stripe, live” of default?").sees("[ No ]");
    ui.keys("<enter>").misses("Remove stripe").sees("5 credentials");
    ui.keys("d<right>").sees("[ Yes ]").keys("<enter>").wait("moved to the trash").sees("4 credentials");
    ui.keys("u").wait("undone").sees("▸ ").sees("5 credentials");
    ui.keys("u").sees("there is nothing to undo");
}

/// The screen at both sizes.
fn both_sizes(ui: &mut Ui) -> String {
    let narrow = ui.resize(80, 24).screen();
    let wide = ui.resize(120, 40).screen();
    format!("{narrow}{}\n{wide}", "=".repeat(80))
}

fn tags(ui: &Ui, key: &str) -> Vec<String> {
    let document = ui.home.open().unwrap().document;
    let one = document.find("default", key).unwrap();
    one.content.tags().into_iter().map(str::to_owned).collect()
}

#[test]
fn tags_are_given_and_taken_together_and_that_undone() {
    let mut ui = Start::with(SOME).open();
    ui.keys("<end>k#")
        .sees("Tag stripe.live:")
        .sees("Now: prod")
        .keys("<enter>")
        .sees("write a tag to add it");
    ui.keys("prod<enter>").sees("tagged so already").keys("<esc>");
    ui.keys("<home><space><space><end>k<space>#");
    assert_snapshot!(both_sizes(&mut ui));
    ui.keys("live -prod \"two words\"<enter>").wait("3 credentials tagged");
    for key in ["billing.db", "half", "stripe.live"] {
        assert_eq!(tags(&ui, key), ["live", "two words"], "{key}");
    }
    assert!(tags(&ui, "mail.token").is_empty());
    ui.keys("/tag:live").sees("3 of 5").keys("<esc>");
    ui.keys("u").wait("undone: the tags of 3 credentials");
    assert_eq!((tags(&ui, "half").len(), tags(&ui, "stripe.live")), (0, vec!["prod".to_owned()]));
}

/// The keys of the list, from top to bottom.
fn order(ui: &mut Ui) -> Vec<String> {
    let screen = ui.resize(80, 24).screen();
    let keys = ["billing.db", "half", "mail.token", "stripe.live", "tls.pair"];
    let mut found: Vec<(usize, &str)> =
        keys.iter().filter_map(|key| screen.find(key).map(|at| (at, *key))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, key)| key.to_owned()).collect()
}

#[test]
fn a_key_sorts_by_the_next_column_and_another_turns_it() {
    let mut ui = Start::with(SOME).open();
    assert_eq!(order(&mut ui), ["billing.db", "half", "mail.token", "stripe.live", "tls.pair"]);
    ui.sees("key▴").keys("<").sees("sorted by key, backwards").sees("key▾").sees("▸ billing.db");
    assert_eq!(order(&mut ui), ["tls.pair", "stripe.live", "mail.token", "half", "billing.db"]);
    ui.keys(",").sees("sorted by name");
    assert_eq!(order(&mut ui), ["stripe.live", "billing.db", "half", "mail.token", "tls.pair"]);
    ui.keys(",").sees("sorted by kind").keys(",").sees("sorted by status").sees("status▴");
    assert_eq!(order(&mut ui), ["mail.token", "billing.db", "half", "stripe.live", "tls.pair"]);
    assert_snapshot!(both_sizes(&mut ui));
    ui.keys(",").sees("sorted by last test").sees("test▴").keys(",").sees("sorted by key");
}

#[test]
fn columns_and_order_are_those_of_the_configuration() {
    use credbench::config::Column;
    let config = |config: &mut credbench::config::Config| {
        config.screen.columns =
            [Column::Status, Column::Key, Column::Tags, Column::Solution, Column::Updated].into();
        config.screen.sort = Column::Tags;
    };
    let mut ui = Start::with(SOME).config(config).open();
    assert_eq!(order(&mut ui)[0], "stripe.live");
    assert_snapshot!(both_sizes(&mut ui));
}

#[test]
fn a_saved_filter_is_picked_from_a_list() {
    let mut ui = Start::with(SOME).open();
    ui.keys("f").sees("there are no saved filters");
    let filter = |name: &str, query: &str| credbench::config::Filter {
        name: name.to_owned(),
        query: query.to_owned(),
    };
    let filters = vec![filter("late", "is:failing,expiring"), filter("my mail", "service:mailer")];
    let mut ui = Start::with(SOME).config(|config| config.filters = filters).open();
    ui.keys("f");
    assert_snapshot!(both_sizes(&mut ui));
    ui.keys("<enter>").sees("2 of 5").sees("is:failing,expiring").misses("stripe.live");
    ui.keys("f<down><enter>")
        .sees("1 of 5")
        .sees("▸ mail.token")
        .keys("f")
        .sees("▸ my mail")
        .keys("<esc><esc>");
    ui.sees("5 credentials").sees("stripe.live");
}

#[test]
fn a_search_that_grows_and_shrinks_finds_what_a_fresh_one_finds() {
    let mut ui = Start::with(SOME).open();
    for query in ["st", "li status:untested", "e -tag:prod", "is:incomplete a", "s ! t$", "il \"mai", "a b c"]
    {
        ui.keys("/<c-u>");
        for end in query.char_indices().map(|(at, c)| at + c.len_utf8()) {
            ui.keys(&query[end - 1..end]);
            let typed = ui.screen();
            ui.keys("<c-u>").paste(&query[..end]);
            // Where the query is not understood yet, the list stays as it was before.
            if !typed.contains("is not closed") && !typed.contains("there is no ") {
                assert_eq!(typed, ui.screen(), "{query} up to {end}");
            }
        }
        ui.keys("<esc>");
    }
}

#[test]
fn quitting_asks_nothing_without_a_draft() {
    assert_eq!(Start::with(SOME).open().keys("q").ends(), Ended::Quit);
}

#[test]
fn hostile_text_is_shown_and_never_acts() {
    let document = r#"{"key":"k","kind":"secret","name":"pay\u200bpal \u001b[31mred \u202eevil",
        "config":{"values":{"A":"a"}}}"#;
    let mut ui = Start::with(document).size(200, 30).open();
    let screen = ui.screen();
    assert!(screen.chars().all(|c| c == '\n' || !c.is_control()), "{screen:?}");
    assert!(!screen.contains('\u{200b}') && !screen.contains('\u{202e}'));
    ui.sees("pay<200B>pal");
}
