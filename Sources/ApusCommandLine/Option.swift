/// An option of a command, as the command table declares it.
package struct Option: Hashable, Sendable {
  /// The long name without dashes; the key under which the value is found.
  package var name: String
  /// The letter of the short form, if there is one.
  package var letter: Character?
  /// Java's long name where it differs from ours, accepted but not shown.
  package var javaName: String?
  /// What stands for the value in the help; nil for a switch.
  package var value: String?
  /// Whether the command cannot do without it.
  package var isRequired: Bool
  /// What names of settings must begin with; for an option like `-D`, which may be given several times.
  package var settingPrefix: String?
  /// What it does.
  package var help: String

  /// Declares an option.
  package init(
    _ name: String, _ letter: Character? = nil, java javaName: String? = nil, value: String? = nil,
    required isRequired: Bool = false, settingPrefix: String? = nil, help: String
  ) {
    self.name = name
    self.letter = letter
    self.javaName = javaName
    self.value = value
    self.isRequired = isRequired
    self.settingPrefix = settingPrefix
    self.help = help
  }

  /// Shows the help of the command; every command has it.
  package static let help = Option("help", "h", help: "Show this help.")

  /// The short and the long form, as a message names the option: `-t (--topic)`.
  var spelling: String { letter.map { "-\($0) (--\(name))" } ?? "--\(name)" }

  /// Whether `word` is this option.
  func isSpelled(_ word: Substring) -> Bool {
    if word.hasPrefix("--") { return word.dropFirst(2) == name || javaName.map { word.dropFirst(2) == $0 } == true }
    // Java's parser takes a single dash before a long name as well.
    let rest = word.dropFirst()
    return letter.map { rest == String($0) } == true || rest == name || javaName.map { rest == $0 } == true
  }
}
