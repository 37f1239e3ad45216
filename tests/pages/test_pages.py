"""The pages of the emulator at `EMULATOR` (with the world of world.toml), as a user of a browser meets them.

AXE is the path of axe-core's script. The last line says how many tests passed and failed.
"""

import datetime
import os
import pathlib
import re
import sys
import unittest
import urllib.parse

from answer import NoAnswer, answer, outcome, said
from app import App, Callback, Emulator, fetch
from browser import DOWN, ENTER, SPACE, TAB, Browser
from counted import run

EMULATOR = Emulator(os.environ["EMULATOR"])
ACCOUNTS = [account["screen_name"] for account in EMULATOR.ask("world")["accounts"]]
AXE = pathlib.Path(os.environ["AXE"]).read_text()


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(Browser())
        cls.callback = cls.enterClassContext(Callback()).url
        cls.app = App(EMULATOR, "registers-nothing")

    def sent_back(self, url):
        """The parameters with which the browser came back to the app."""
        self.assertTrue(url.startswith(self.callback + "?"), url)
        self.assertEqual(said(self.browser), "Welcome back.")
        return dict(urllib.parse.parse_qsl(url.partition("?")[2]))


class Answers(Pages):
    def test_allow_by_pin_as_any_account(self):
        for account in ACCOUNTS:
            token, url = self.app.begin("oob")
            pin = answer(self.browser, url, account)
            self.assertRegex(pin, r"^[0-9]{7}$")
            self.assertIn(f"@{account}", said(self.browser))
            self.assertEqual(self.app.user_of(token, pin), account)

    def test_allow_by_callback_as_any_account(self):
        for account in ACCOUNTS:
            token, url = self.app.begin(self.callback)
            back = self.sent_back(answer(self.browser, url, account))
            self.assertEqual(back.keys(), {"oauth_token", "oauth_verifier"})
            self.assertEqual(back["oauth_token"], token["oauth_token"])
            self.assertEqual(self.app.user_of(token, back["oauth_verifier"]), account)

    def test_nobody_needs_to_listen_at_the_callback(self):
        _, url = self.app.begin("http://localhost:9/nobody")
        self.assertRegex(answer(self.browser, url), r"^http://localhost:9/nobody\?oauth_token=\w+&oauth_verifier=\w+$")

    def test_refuse_by_callback(self):
        token, url = self.app.begin(self.callback)
        back = self.sent_back(answer(self.browser, url, allows=False))
        self.assertEqual(back, {"denied": token["oauth_token"]})
        self.assertEqual(self.app.exchange(token, "1234567")[0], 401)

    def test_refuse_by_pin(self):
        token, url = self.app.begin("oob")
        with self.assertRaisesRegex(NoAnswer, "^Refused The app was given nothing"):
            answer(self.browser, url, allows=False)
        self.assertEqual(self.app.exchange(token, "1234567")[0], 401)

    def test_a_pin_is_good_once(self):
        token, url = self.app.begin("oob")
        pin = answer(self.browser, url)
        self.assertEqual(self.app.exchange(token, f"{(int(pin) + 1) % 10**7:07}")[0], 401)
        self.assertEqual(self.app.exchange(token, pin)[0], 200)
        self.assertEqual(self.app.exchange(token, pin)[0], 401)

    def test_sign_in_asks_once(self):
        account = ACCOUNTS[1]
        token, url = self.app.begin(self.callback)
        self.app.user_of(token, self.sent_back(answer(self.browser, url, account))["oauth_verifier"])
        again, url = self.app.begin(self.callback, which="authenticate", screen_name=account)
        self.browser.open(url)
        back = self.sent_back(self.browser.url)
        self.assertEqual(self.app.user_of(again, back["oauth_verifier"]), account)
        for how in [{"which": "authorize"}, {"which": "authenticate", "force_login": "true"}]:
            _, url = self.app.begin(self.callback, screen_name=account, **how)
            self.browser.open(url)
            self.assertEqual(self.browser.title, "Authorize an app – emulator", how)

    def test_the_account_in_the_link_is_chosen_already(self):
        for account in ACCOUNTS:
            token, url = self.app.begin("oob", screen_name=account, force_login="true")
            self.assertEqual(self.app.user_of(token, answer(self.browser, url)), account)

    def test_an_answered_link_is_no_longer_good(self):
        for allows in [True, False]:
            _, url = self.app.begin(self.callback)
            answer(self.browser, url, allows=allows)
            with self.assertRaisesRegex(NoAnswer, "^This link is no longer good"):
                answer(self.browser, url)

    def test_who_goes_back_and_answers_again_is_told(self):
        _, url = self.app.begin("oob")
        answer(self.browser, url)
        self.browser.back()
        if not self.browser.all("#allow"):
            # It was not kept, so going back asked for it anew.
            self.assertTrue(said(self.browser).startswith("This link is no longer good"))
            return
        self.browser.one("#allow").click()
        self.browser.wait(lambda: not self.browser.all("#allow"), "an answer")
        self.assertTrue(said(self.browser).startswith("This link is no longer good"))

    def test_a_link_lives_fifteen_minutes(self):
        now = EMULATOR.ask("world")["now"]
        self.addCleanup(EMULATOR.ask, "clock", {"now": now})
        token, url = self.app.begin("oob")
        EMULATOR.ask("clock", {"now": later(now, 14, 30)})
        self.browser.open(url)
        EMULATOR.ask("clock", {"now": later(now, 15, 30)})
        self.browser.one("#allow").click()
        self.browser.wait(lambda: self.browser.url != url, "the next page")
        self.assertTrue(said(self.browser).startswith("This link is no longer good"))
        self.assertEqual(self.app.exchange(token, "1234567")[0], 401)

    def test_a_link_of_nobody_is_no_good(self):
        for query in ["", "?oauth_token=", "?oauth_token=nobody", "?oauth_token=a&oauth_token=b"]:
            with self.assertRaisesRegex(NoAnswer, "^This link is no longer good"):
                answer(self.browser, f"{EMULATOR.url}/oauth/authorize{query}")


class Callbacks(Pages):
    def test_unregistered_is_not_approved(self):
        for consumer_key, callback in [
            ("registers-nothing", "https://app.example/done"),
            ("registers-nothing", "http://localhost.evil.example/"),
            ("registers-nothing", "javascript:alert(1)"),
            ("registers-urls", "http://localhost:9/elsewhere"),
            ("registers-urls", "http://app.example/done"),
            ("registers-urls", "https://app.example/done/further"),
            ("registers-urls", "https://app.example.evil.example/done"),
        ]:
            status, text = App(EMULATOR, consumer_key).request_token(callback)
            self.assertEqual(status, 403, callback)
            self.assertRegex(text, r'<error code="415">Callback URL not approved for this client application')

    def test_registered_is_where_the_browser_goes(self):
        app = App(EMULATOR, "registers-urls")
        for callback in ["http://localhost:9/back?from=emulator", "http://localhost:9/back"]:
            token, url = app.begin(callback)
            back = urllib.parse.urlsplit(answer(self.browser, url))
            self.assertEqual((back.netloc, back.path), ("localhost:9", "/back"))
            query = dict(urllib.parse.parse_qsl(back.query))
            self.assertEqual(query.pop("from", None), "emulator" if "from" in callback else None)
            self.assertEqual(query["oauth_token"], token["oauth_token"])
            self.assertIn(app.user_of(token, query["oauth_verifier"]), ACCOUNTS)

    def test_a_desktop_app_has_only_the_pin(self):
        app = App(EMULATOR, "registers-oob")
        status, text = app.request_token("http://localhost:9/")
        self.assertEqual(status, 401)
        self.assertIn("Desktop applications only support the oauth_callback value 'oob'", text)
        _, url = app.begin("oob")
        self.assertRegex(answer(self.browser, url), r"^[0-9]{7}$")

    def test_the_page_names_the_app(self):
        _, url = App(EMULATOR, "registers-urls").begin("oob")
        self.browser.open(url)
        self.assertIn("registers-urls", said(self.browser))


class Keyboard(Pages):
    def test_everything_is_reached_in_the_order_of_the_page(self):
        self.browser.open(self.app.begin("oob")[1])
        reached = []
        for _ in range(4):
            self.browser.press(TAB)
            reached.append(self.browser.run("return document.activeElement.value ?? 'the browser'"))
            if reached[-1] != "the browser":
                ring = self.browser.run("return getComputedStyle(document.activeElement).outlineStyle")
                self.assertNotEqual(ring, "none", f"nobody sees that {reached[-1]} has the focus")
        self.assertEqual(reached[:3], [ACCOUNTS[0], "allow", "refuse"])

    def test_allow_without_a_mouse(self):
        token, url = self.app.begin("oob")
        self.browser.open(url)
        self.browser.press(TAB, DOWN, TAB, ENTER)
        self.browser.wait(lambda: self.browser.url != url, "the next page")
        self.assertEqual(self.app.user_of(token, outcome(self.browser, url)), ACCOUNTS[1])

    def test_refuse_without_a_mouse(self):
        token, url = self.app.begin(self.callback)
        self.browser.open(url)
        self.browser.press(TAB, TAB, TAB, SPACE)
        self.browser.wait(lambda: self.browser.url != url, "the next page")
        self.assertEqual(self.sent_back(self.browser.url), {"denied": token["oauth_token"]})

    def test_return_in_the_form_allows_what_is_chosen(self):
        token, url = self.app.begin("oob")
        self.browser.open(url)
        self.browser.press(TAB, DOWN, DOWN, ENTER)
        self.browser.wait(lambda: self.browser.url != url, "the next page")
        self.assertEqual(self.app.user_of(token, outcome(self.browser, url)), ACCOUNTS[2])


class Access(Pages):
    def test_every_page_is_open_to_everybody(self):
        titles = set()
        for name in self.pages():
            with self.subTest(page=name):
                self.assertEqual(self.browser.run("return document.documentElement.lang"), "en")
                self.assertEqual(self.browser.run("return document.compatMode"), "CSS1Compat")
                heading = self.browser.one("h1").text
                self.assertEqual(self.browser.title, f"{heading} – emulator")
                titles.add(heading)
                self.browser.one("main h1")
                self.assertEqual(self.browser.all("script, link, iframe, [onclick], [tabindex]"), [])
                self.check_by_axe()
                self.check_narrow()
        self.assertEqual(len(titles), len(list(self.names())))

    def test_every_control_has_its_name(self):
        self.browser.open(self.app.begin("oob")[1])
        radios = self.browser.all("input[type=radio]")
        self.assertEqual([(radio.role, radio.name) for radio in radios], [("radio", f"@{name}") for name in ACCOUNTS])
        self.assertEqual([radio.is_selected for radio in radios], [True, False, False])
        group = self.browser.one("fieldset")
        self.assertEqual((group.role, group.name), ("group", "Account"))
        buttons = self.browser.all("button")
        self.assertEqual([(one.role, one.name) for one in buttons], [("button", "Allow"), ("button", "Refuse")])

    def test_a_click_on_a_name_chooses_it(self):
        self.browser.open(self.app.begin("oob")[1])
        self.browser.all("label")[2].click()
        self.assertTrue(self.browser.all("input[type=radio]")[2].is_selected)

    def names(self):
        return ["question", "PIN", "refusal", "void", "forged form"]

    def pages(self):
        """Shows every page in turn."""
        self.browser.open(self.app.begin("oob")[1])
        yield "question"
        answer(self.browser, self.app.begin("oob")[1])
        yield "PIN"
        with self.assertRaises(NoAnswer):
            answer(self.browser, self.app.begin("oob")[1], allows=False)
        yield "refusal"
        self.browser.open(f"{EMULATOR.url}/oauth/authorize")
        yield "void"
        url = self.app.begin("oob")[1]
        self.browser.open(url)
        self.browser.run("document.querySelector('[name=authenticity_token]').value = 'guessed'")
        self.browser.one("#allow").click()
        self.browser.wait(lambda: self.browser.url != url, "the next page")
        yield "forged form"

    def check_by_axe(self):
        self.browser.run(AXE)
        found = self.browser.run_later("axe.run().then(arguments[0], error => arguments[0]({error: String(error)}))")
        self.assertNotIn("error", found)
        self.assertGreater(len(found["passes"]), 10)
        wrong = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
        self.assertEqual(wrong, [])

    def check_narrow(self):
        """On a telephone nothing has to be moved sideways to be read."""
        self.browser.resize(320, 600)
        width = self.browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        self.assertLessEqual(*width)
        self.browser.resize(1024, 768)


class Safety(Pages):
    def test_a_page_of_another_site_cannot_answer_for_the_user(self):
        token, url = self.app.begin("oob")
        status, page = fetch(url)
        self.assertEqual(status, 200)
        key = re.search(r'name="authenticity_token" value="(\w+)"', page)[1]
        # Even one that knows the key, from a browser that says where it comes from.
        form = urllib.parse.urlencode(
            {"oauth_token": token["oauth_token"], "authenticity_token": key, "screen_name": ACCOUNTS[0], "decision": "allow"}
        )
        self.browser.open(self.callback)
        address, path = EMULATOR.url, "/oauth/authorize"
        self.browser.run(FORGED, address + path, dict(urllib.parse.parse_qsl(form)))
        self.browser.wait(lambda: self.browser.url == address + path, "the emulator's answer")
        self.assertTrue(said(self.browser).startswith("Not accepted"), said(self.browser))

    def test_a_page_of_another_site_cannot_show_the_question_in_a_frame(self):
        for url, css, shown in [(self.callback, "main", 1), (self.app.begin("oob")[1], "#allow", 0)]:
            self.browser.open(self.callback)
            self.browser.run_later(FRAMED, url)
            self.browser.frame(0)
            self.assertEqual(len(self.browser.all(css)), shown, url)

    def test_a_page_of_another_site_cannot_use_the_test_interface(self):
        faults = f"{EMULATOR.url}/_emulator/faults"
        self.browser.open(self.callback)
        self.assertEqual(self.browser.run_later(FETCHED, f"{EMULATOR.url}/_emulator/world", {}), "TypeError")
        # A post as plain text needs no permission to be sent; what comes of it is the emulator's business.
        post = {"method": "POST", "mode": "no-cors", "body": '[{"endpoint":"oauth","status":503}]'}
        self.assertEqual(self.browser.run_later(FETCHED, faults, post), "")
        self.assertEqual(self.app.request_token("oob")[0], 200)


FORGED = """
const [action, fields] = arguments;
const form = Object.assign(document.createElement('form'), {method: 'post', action});
for (const [name, value] of Object.entries(fields)) {
  form.append(Object.assign(document.createElement('input'), {name, value}));
}
document.body.append(form);
form.submit();
"""

FRAMED = """
const [src, done] = arguments;
const frame = document.createElement('iframe');
frame.onload = done;
frame.src = src;
document.body.append(frame);
"""

FETCHED = """
const [url, options, done] = arguments;
fetch(url, options).then(answer => answer.text()).then(done, error => done(error.name));
"""


def later(now, minutes, seconds):
    time = datetime.datetime.fromisoformat(now.split(".")[0].rstrip("Z") + "+00:00")
    return (time + datetime.timedelta(minutes=minutes, seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    run(sys.modules[__name__])
