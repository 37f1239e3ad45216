"""Answers an authorization as its user would, in a browser. Standard library only.

usage: answer.py [--account SCREEN_NAME] [--refuse] URL

URL is that of `/oauth/authorize` or `/oauth/authenticate` with its `oauth_token`. Prints the PIN, or the whole callback
URL to which the browser was sent, whether or not anybody listens there. A page that offers neither is a failure, and
what it says goes to standard error; so does a refusal in PIN mode, which nobody is told of.
"""

import argparse
import sys

from browser import Browser


class NoAnswer(Exception):
    """The page that came in place of a PIN or a way back."""


def answer(browser, url, account=None, allows=True):
    """The PIN, or the callback URL."""
    browser.open(url)
    if browser.url == url:
        if not browser.all("form"):
            raise NoAnswer(said(browser))
        if account:
            browser.one(f"input[type=radio][value='{account}']").click()
        browser.one("#allow" if allows else "#refuse").click()
        browser.wait(lambda: browser.url != url, "the next page")
    return outcome(browser, url)


def outcome(browser, url):
    """What the answered page `url` led to."""
    if pin := browser.all("#pin"):
        return pin[0].text
    if browser.url.split("?")[0] == url.split("?")[0]:
        raise NoAnswer(said(browser))
    return browser.url


def said(browser):
    """All that the page says, in one line."""
    return " ".join(browser.one("main").text.split())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--account")
    parser.add_argument("--refuse", action="store_true")
    parser.add_argument("url")
    options = parser.parse_args()
    with Browser() as browser:
        try:
            print(answer(browser, options.url, options.account, not options.refuse))
        except NoAnswer as page:
            sys.exit(f"answer.py: {page}")


if __name__ == "__main__":
    main()
