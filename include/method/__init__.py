"""The averaging method: pure functions from stored seconds to graded minutes; docs/method.md."""
