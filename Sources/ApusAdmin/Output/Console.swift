/// Where a command's words go and where its answers come from.
package struct Console: Sendable {
  /// Takes results, for programs and people.
  package var write: @Sendable (String) -> Void
  /// Takes everything else: progress, warnings, errors.
  package var note: @Sendable (String) -> Void
  /// Asks whoever sits at the terminal and waits for a line; nil when nobody does.
  package var ask: (@Sendable (String) -> String?)?
  /// Whether results are read by somebody at a terminal.
  package var isOutputTerminal: Bool

  /// Puts a console together.
  package init(
    write: @escaping @Sendable (String) -> Void, note: @escaping @Sendable (String) -> Void,
    ask: (@Sendable (String) -> String?)? = nil, isOutputTerminal: Bool = false
  ) {
    self.write = write
    self.note = note
    self.ask = ask
    self.isOutputTerminal = isOutputTerminal
  }
}
