/// The columns of a table as mqadmin prints it, and the names that they have in JSON.
struct Table: Hashable, Sendable {
  /// One column.
  struct Column: Hashable, Sendable {
    /// What stands at its head.
    var head: String
    /// Its name in JSON; nil for a column that only people look at.
    var key: String?

    /// `#Broker Name` above, `brokerName` in JSON.
    init(_ head: String, _ key: String?) {
      self.head = head
      self.key = key
    }
  }

  /// How a row is laid out.
  var layout: TextLayout
  /// How the heads are laid out, where Java does it otherwise.
  var headLayout: TextLayout
  /// The columns.
  var columns: [Column]
  /// Whether the heads are shown.
  var hasHead = true

  /// Describes a table. `columns` are heads and keys in turn.
  init(_ layout: TextLayout, head headLayout: TextLayout? = nil, _ columns: [Column], hasHead: Bool = true) {
    precondition(columns.count == layout.columnCount, "\(columns.count) heads for \(layout.columnCount) columns")
    self.layout = layout
    self.headLayout = headLayout ?? layout
    self.columns = columns
    self.hasHead = hasHead
  }

  /// The line of heads, with its line break.
  var headLine: String { headLayout.line(columns.map(\.head)) }

  /// The line of a row, with its line break. There must be a cell for each column.
  func line(_ cells: [Cell]) -> String {
    precondition(cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
    return layout.line(cells.map(\.text))
  }
}
