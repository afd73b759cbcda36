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
  /// Whether everything else is.
  package var isNoteTerminal: Bool

  /// Puts a console together.
  package init(
    write: @escaping @Sendable (String) -> Void, note: @escaping @Sendable (String) -> Void,
    ask: (@Sendable (String) -> String?)? = nil, isOutputTerminal: Bool = false, isNoteTerminal: Bool = false
  ) {
    self.write = write
    self.note = note
    self.ask = ask
    self.isOutputTerminal = isOutputTerminal
    self.isNoteTerminal = isNoteTerminal
  }

  /// Writes results for people. At a terminal, control characters that a message or a name holds are shown instead of
  /// obeyed: they could clear the screen, or type for whoever sits there. Programs get the text as it is.
  func show(_ text: String) { write(isOutputTerminal ? Self.visible(text) : text) }

  /// Says what is not a result. It may quote what a server answered, or how a client calls itself, and is shown at a
  /// terminal as results are.
  func tell(_ text: String) { note(isNoteTerminal ? Self.visible(text) : text) }

  /// A text whose control characters, but for line feeds and tabs, are put as `\xNN`.
  package static func visible(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x09, 0x0A: shown.unicodeScalars.append(scalar)
      case 0...0x1F, 0x7F...0x9F:
        let digits = String(scalar.value, radix: 16, uppercase: true)
        shown += scalar.value < 0x10 ? "\\x0\(digits)" : "\\x\(digits)"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }
}
