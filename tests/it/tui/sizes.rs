//! Every size of terminal.

use crate::support::ui::Start;

const ONE: &str = r#"{"key":"one","kind":"api_key","config":{"base_url":"https://a.example","api_key":"x"},
    "test":{"method":"GET","path":"/"}}"#;

#[test]
fn no_size_is_too_small_or_too_large_for_any_screen() {
    let ways = [
        "",
        "<tab>",
        "<tab><tab>",
        "e",
        "s",
        "a",
        "a<enter>",
        "?",
        ":",
        "/x",
        "d",
        "<f1>",
        "S",
        "S<end>c",
        "m",
        "h",
        "D",
        "O",
        "Oa",
        "Oa<f2>",
        "#",
        ",<",
        "w",
        "wa",
        "r",
        "n",
    ];
    for way in ways {
        let mut ui = Start::with(ONE).open();
        ui.keys(way);
        for width in [1, 2, 5, 10, 29, 30, 31, 40, 80, 109, 110, 111, 300] {
            for height in [1, 2, 3, 7, 8, 9, 11, 12, 13, 24, 40, 100] {
                ui.resize(width, height).screen();
                let cursor = ui.cursor();
                assert!(cursor.is_none_or(|at| at.x < width && at.y < height), "{way} {width}×{height}");
            }
        }
    }
}

#[test]
fn a_tiny_terminal_says_so() {
    let mut ui = Start::with(ONE).open();
    ui.resize(20, 5).sees("too small").resize(80, 24).sees("▸ one");
}

#[test]
fn lock_and_first_start_fit_any_size() {
    let home = crate::support::vault::Home::empty();
    let mut ui = Start::at(home).start();
    ui.wait("Welcome");
    for (width, height) in [(1, 1), (30, 8), (31, 9), (80, 24), (250, 80)] {
        ui.resize(width, height).screen();
    }
}

#[test]
fn random_keys_never_panic_and_never_lose_the_vault() {
    const KEYS: [&str; 48] = [
        "a",
        "e",
        "s",
        "t",
        "T",
        " ",
        "x",
        "d",
        "u",
        "y",
        "g",
        ",",
        "<",
        "#",
        "f",
        ":",
        "/",
        "?",
        "j",
        "k",
        "n",
        "<enter>",
        "<enter>",
        "<esc>",
        "<esc>",
        "<tab>",
        "<tab>",
        "<backtab>",
        "<up>",
        "<down>",
        "<left>",
        "<right>",
        "<home>",
        "<end>",
        "<pageup>",
        "<pagedown>",
        "<backspace>",
        "<delete>",
        "<f1>",
        "<f2>",
        "<c-s>",
        "<c-t>",
        "<c-r>",
        "<c-_>",
        "<a-_>",
        "<c-l>",
        "<c-d>",
        "\u{e9}",
    ];
    let mut ui = Start::with(ONE).open();
    // A fixed seed: a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    for step in 0..4000 {
        let key = KEYS[next(KEYS.len())];
        ui.keys(key);
        if step % 97 == 0 {
            ui.paste("pasted\ttext\r\nof \u{1b}[31m two lines");
        }
        if step % 13 == 0 {
            let width = 1 + u16::try_from(next(160)).unwrap();
            ui.resize(width, 1 + u16::try_from(next(50)).unwrap());
        }
        ui.settle();
        ui.screen();
    }
    ui.home.open().unwrap();
}
