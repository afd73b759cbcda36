/// A line of columns, described as C's printf and Java's formatter describe it: `%-32.32s  %-4s`. A column is at least
/// as wide as its number says, on the left with `-`, else on the right; behind a point stands where a text is cut.
/// How a cell's value becomes text is the cell's own affair, so that every column ends in `s`.
struct TextLayout: Hashable, Sendable, ExpressibleByStringLiteral {
  private struct Column: Hashable {
    var width = 0
    var isLeft = false
    var limit: Int?
    /// What stands in front of the column.
    var gap: String
  }

  private var columns: [Column] = []
  private var end = ""

  init(stringLiteral text: String) {
    var rest = text[...]
    while let percent = rest.firstIndex(of: "%") {
      var column = Column(gap: String(rest[..<percent]))
      rest = rest[percent...].dropFirst()
      if rest.first == "-" {
        column.isLeft = true
        rest.removeFirst()
      }
      let width = rest.prefix(while: \.isNumber)
      column.width = Int(width) ?? 0
      rest = rest.dropFirst(width.count)
      if rest.first == "." {
        let limit = rest.dropFirst().prefix(while: \.isNumber)
        column.limit = Int(limit)
        rest = rest.dropFirst(1 + limit.count)
      }
      precondition(rest.first == "s", "a layout's columns end in s: \(text)")
      rest.removeFirst()
      columns.append(column)
    }
    end = String(rest)
  }

  /// How many columns there are.
  var columnCount: Int { columns.count }

  /// A line, with its line break.
  func line(_ texts: [String]) -> String {
    precondition(texts.count == columns.count, "\(texts.count) texts for \(columns.count) columns")
    var line = ""
    for (column, text) in zip(columns, texts) {
      let shown = column.limit.map { String(text.prefix($0)) } ?? text
      let fill = String(repeating: " ", count: max(0, column.width - shown.count))
      line += column.gap + (column.isLeft ? shown + fill : fill + shown)
    }
    return line + end + "\n"
  }
}
