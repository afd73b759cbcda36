import ApusModel
import Testing

@Suite struct TagExpressionTests {
  @Test(arguments: [
    ("a", ["a"]), ("a || b", ["a", "b"]), ("a||b||a", ["a", "b"]), (" a ||| b", ["a", "| b"]), ("a|b", ["a|b"]),
    ("a || || b||", ["a", "b"]), ("   ", []), ("||a", ["a"]), ("\u{1}a\n", ["a"]),
    // A mark that combines with the bar before it.
    ("a||\u{610}b", ["a", "\u{610}b"]),
  ])
  func `tags are what stands between two bars, trimmed`(expression: String, tags: [String]) {
    #expect(TagExpression.tags(expression) == tags)
  }

  @Test(arguments: ["", "||", "||||"]) func `nothing between bars is no expression`(expression: String) {
    #expect(TagExpression.tags(expression) == nil)
  }
}
