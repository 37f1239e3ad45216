"""Runs the tests of a script, and says last how many passed and failed."""

import sys
import unittest


class Tally(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def run(module):
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(verbosity=2, resultclass=Tally).run(suite)
    print(f"{result.passed} passed, {len(result.failures) + len(result.errors)} failed", flush=True)
    sys.exit(not result.wasSuccessful())
