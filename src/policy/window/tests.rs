use super::*;
use crate::policy::error::Source;
use crate::policy::toml;

fn read(text: &str) -> Result<Window, String> {
    let text = format!("within = {text}");
    let mut faults = Faults::new(Source::new("p", &text));
    let root = toml::parse(&text, 0, &mut faults);
    let mut fields = root.fields(&mut faults, "a table").unwrap();
    let window = Window::take(&mut fields, &mut faults);
    if faults.is_empty() { Ok(window.unwrap()) } else { Err(faults.into_error().to_string()) }
}

fn window(text: &str) -> Window {
    read(text).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn sundays_in_utc_begin_and_end_at_midnight() {
    let sundays = window("{ days = ['sun'] }");
    for (time, open) in [
        ("2026-11-21T23:59:59Z", false),
        ("2026-11-22T00:00:00Z", true),
        ("2026-11-22T12:00:00Z", true),
        ("2026-11-22T23:59:59.999Z", true),
        ("2026-11-23T00:00:00Z", false),
        ("2026-11-23T00:30:00Z", false),
    ] {
        assert_eq!(sundays.contains(at(time)), open, "{time}");
    }
    assert_eq!(sundays.next_opening(at("2026-11-23T00:00:00Z")), Some(at("2026-11-29T00:00:00Z")));
    assert_eq!(sundays.next_opening(at("2026-11-22T12:00:00Z")), Some(at("2026-11-22T12:00:00Z")));
}

#[test]
fn window_over_midnight_belongs_to_the_day_it_opens_on() {
    let nights = window("{ days = ['fri'], from = '22:00', to = '06:00', tz = '+01:00' }");
    for (time, open) in [
        ("2026-11-20T20:59:59Z", false),
        ("2026-11-20T21:00:00Z", true),
        ("2026-11-21T04:59:59Z", true),
        ("2026-11-21T05:00:00Z", false),
        ("2026-11-20T02:00:00Z", false),
        ("2026-11-21T22:00:00Z", false),
    ] {
        assert_eq!(nights.contains(at(time)), open, "{time}");
    }
}

#[test]
fn several_windows_are_one() {
    let both = window("[{ days = ['mon'], from = '09:00', to = '10:00' }, { days = ['sat-sun'] }]");
    assert!(both.contains(at("2026-11-23T09:30:00Z")) && both.contains(at("2026-11-22T23:00:00Z")));
    assert_eq!(both.next_opening(at("2026-11-23T10:00:00Z")), Some(at("2026-11-28T00:00:00Z")));
}

#[cfg(feature = "tz")]
mod places {
    use super::*;

    /// Friday 17:00 to Sunday 00:00 in Los Angeles, in the week in which clocks are put back.
    #[test]
    fn weekend_of_los_angeles_follows_its_clocks() {
        let weekend = window(
            "[{ days = ['fri'], from = '17:00', tz = 'America/Los_Angeles' },
              { days = ['sat'], tz = 'America/Los_Angeles' }]",
        );
        for (time, open) in [
            ("2026-10-30T23:59:59Z", false),
            ("2026-10-31T00:00:00Z", true), // Friday 17:00, seven hours behind
            ("2026-11-01T06:59:59Z", true), // Saturday 23:59:59
            ("2026-11-01T07:00:00Z", false),
            ("2026-11-07T00:30:00Z", false), // Friday 16:30, eight hours behind
            ("2026-11-07T01:00:00Z", true),
            ("2026-11-08T07:59:59Z", true),
            ("2026-11-08T08:00:00Z", false),
        ] {
            assert_eq!(weekend.contains(at(time)), open, "{time}");
        }
        assert_eq!(weekend.next_opening(at("2026-11-01T07:00:00Z")), Some(at("2026-11-07T01:00:00Z")));
    }

    #[test]
    fn office_opens_at_nine_on_both_sides_of_a_clock_change() {
        let office = window("{ days = ['mon-fri'], from = '09:00', to = '17:00', tz = 'Europe/Berlin' }");
        let next = |time| office.next_opening(at(time)).unwrap();
        assert_eq!(next("2026-03-27T16:00:00Z"), at("2026-03-30T07:00:00Z")); // put forward on the 29th
        assert_eq!(next("2026-10-23T15:00:00Z"), at("2026-10-26T08:00:00Z")); // put back on the 25th
    }

    #[test]
    fn skipped_hour_is_in_no_window_and_a_repeated_one_twice() {
        let night = window("{ from = '02:00', to = '03:00', tz = 'Europe/Berlin' }");
        let next = |time| night.next_opening(at(time)).unwrap();
        assert_eq!(next("2026-03-28T02:00:00Z"), at("2026-03-30T00:00:00Z"), "no such hour on the 29th");
        assert!(night.contains(at("2026-10-25T00:30:00Z")) && night.contains(at("2026-10-25T01:30:00Z")));
        let later = window("{ from = '02:30', to = '04:00', tz = 'Europe/Berlin' }");
        let next = |time| later.next_opening(at(time)).unwrap();
        assert_eq!(
            next("2026-03-29T00:00:00Z"),
            at("2026-03-29T01:00:00Z"),
            "it opens as the clock jumps to 03:00"
        );
        let back = window("{ from = '01:00', to = '02:30', tz = 'Europe/Berlin' }");
        assert!(!back.contains(at("2026-10-25T00:30:00Z")));
        let next = back.next_opening(at("2026-10-25T00:30:00Z")).unwrap();
        assert_eq!(next, at("2026-10-25T01:00:00Z"), "the clock shows 02:00 again");
    }

    /// Steps from second to second would be slow; from minute to minute it is the plainest way to say it.
    #[test]
    fn next_opening_is_the_first_minute_that_is_in_the_window() {
        let places =
            ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "-03:30"];
        let times = [("01:15", "02:45"), ("23:30", "00:30"), ("02:00", "03:00"), ("09:00", "24:00")];
        let starts =
            ["2026-03-27T22:11:00Z", "2026-10-24T21:07:00Z", "2026-04-04T12:00:00Z", "2026-02-14T20:00:00Z"];
        for (place, (from, to)) in places.iter().flat_map(|place| times.iter().map(move |time| (place, time)))
        {
            let days = "{ days = ['sat-sun'], ";
            let window = window(&format!("{days} from = '{from}', to = '{to}', tz = '{place}' }}"));
            for start in starts.map(at) {
                let mut minute = start;
                while !window.contains(minute) {
                    minute += TimeDelta::minutes(1);
                }
                assert_eq!(window.next_opening(start), Some(minute), "{place} {from} from {start}");
            }
        }
    }
}

#[test]
fn what_is_no_window_is_refused() {
    for (text, message) in [
        ("{}", "always open: expected `days`, `from` or `to`"),
        ("{ tz = 'UTC' }", "always open"),
        ("[]", "never open: expected at least one window"),
        ("{ days = [] }", "never open: expected at least one day"),
        ("{ days = ['Mon'] }", "expected a day such as `mon`, or days such as `mon-fri`, found `Mon`"),
        ("{ days = ['mon-'] }", "expected a day"),
        ("{ days = 'mon' }", "expected a list such as `[\"mon-fri\"]`, found a string"),
        ("{ days = [1] }", "expected a day such as `mon`, or days such as `mon-fri`, found an integer"),
        ("{ from = '24:00' }", "expected a time from `00:00` to `23:59`"),
        ("{ to = '24:01' }", "expected a time from `00:00` to `24:00`"),
        ("{ from = '9:00' }", "expected a time"),
        ("{ from = '+9:00' }", "expected a time"),
        ("{ from = '09:60' }", "expected a time"),
        ("{ from = '09:00', to = '09:00' }", "never open: `from` and `to` are the same time"),
        ("{ from = '09:00', tz = 'Europe/Berln' }", "unknown time zone `Europe/Berln`"),
        ("{ from = '09:00', tz = '' }", "unknown time zone ``"),
        ("{ from = '09:00', zone = 'UTC' }", "unknown key `zone`"),
        ("'always'", "expected a table such as `{ days = "),
    ] {
        let found = read(text).unwrap_err();
        assert!(found.contains(message), "{text}: {found}");
    }
}

#[test]
fn end_of_time_has_no_opening() {
    let sundays = window("{ days = ['sun'], tz = '+01:00' }");
    assert_eq!(sundays.next_opening(DateTime::<Utc>::MAX_UTC), None);
}
