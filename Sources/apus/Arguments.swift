import ApusBase
import ApusRemoting

/// An option of a command, as the command table declares it.
struct Option: Hashable, Sendable {
  /// The long name without dashes; the key under which the value is found.
  var name: String
  /// The letter of the short form, if there is one.
  var letter: Character?
  /// Java's long name where it differs from ours, accepted but not shown.
  var javaName: String?
  /// What stands for the value in the help; nil for a switch.
  var value: String?
  /// What it does.
  var help: String

  /// Declares an option.
  init(_ name: String, _ letter: Character? = nil, java javaName: String? = nil, value: String? = nil, help: String) {
    self.name = name
    self.letter = letter
    self.javaName = javaName
    self.value = value
    self.help = help
  }

  /// Defines a setting that Java takes as a system property; may be given several times.
  static let define = Option(
    "define", "D", value: "tls.KEY=VALUE", help: "A TLS setting, as Java takes it: -Dtls.server.mode=enforcing.")

  /// Whether `word` is this option.
  func isSpelled(_ word: Substring) -> Bool {
    if word.hasPrefix("--") { return word.dropFirst(2) == name || javaName.map { word.dropFirst(2) == $0 } == true }
    // Java's parser takes a single dash before a long name as well.
    let rest = word.dropFirst()
    return letter.map { rest == String($0) } == true || javaName.map { rest == $0 } == true
  }
}

/// The words after a command, sorted into options and operands.
struct Arguments: Hashable, Sendable {
  /// The command that they were given to.
  let command: Command
  /// Words that are no options, in order.
  private(set) var operands: [String] = []
  /// Settings that `-D` defines, as Java's system properties.
  private(set) var definitions = PropertiesFile()
  private var values: [String: String] = [:]

  /// Sorts `words`. Throws for an option that the command does not have, that lacks its value or stands twice, and for
  /// operands beyond what the command takes.
  init(_ words: ArraySlice<String>, of command: Command) throws(CommandFailure) {
    self.command = command
    var words = words
    while let word = words.popFirst() {
      guard word.hasPrefix("-"), word != "-" else {
        operands.append(word)
        continue
      }
      if command.options.contains(.define), word.hasPrefix("-D") {
        try define(word.count > 2 ? word.dropFirst(2) : words.popFirst()?[...] ?? "")
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let option = command.options.first(where: { $0.isSpelled(parts[0]) }) else {
        throw failure("unknown option '\(parts[0])'")
      }
      let value: String
      if option.value == nil {
        guard parts.count == 1 else { throw failure("option '\(parts[0])' takes no value") }
        value = ""
      } else if parts.count == 2 {
        value = String(parts[1])
      } else if let next = words.popFirst() {
        value = next
      } else {
        throw failure("option '\(word)' needs a value: \(option.value ?? "")")
      }
      guard values.updateValue(value, forKey: option.name) == nil else {
        throw failure("option '\(word)' stands twice")
      }
    }
    if !has("help"), operands.count > command.operandLimit {
      throw failure("unexpected '\(operands[command.operandLimit])'")
    }
  }

  private mutating func define(_ text: Substring) throws(CommandFailure) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].hasPrefix(TLSSettings.prefix) else {
      throw failure("option '-D' takes tls.KEY=VALUE, not '\(text)'")
    }
    definitions[String(parts[0])] = String(parts[1])
  }

  /// Whether a switch or an option was given.
  func has(_ name: String) -> Bool {
    precondition(command.options.contains { $0.name == name }, "\(command.name) has no option \(name)")
    return values[name] != nil
  }

  /// The value of an option, or nil when it was not given.
  func text(_ name: String) -> String? { has(name) ? values[name] : nil }

  /// The number of an option, or nil when it was not given. Throws for anything but a whole number in `range`.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(CommandFailure) -> Int? {
    guard let text = text(name) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw failure(
        "option '--\(name)' takes a whole number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return number
  }

  /// The number of an option, or nil when it was not given. Throws for anything but a decimal number in `range`.
  func decimal(_ name: String, in range: ClosedRange<Double>) throws(CommandFailure) -> Double? {
    guard let text = text(name) else { return nil }
    guard let number = Double(text), range.contains(number) else {
      throw failure("option '--\(name)' takes a number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return number
  }

  /// A wrong command line of this command.
  func failure(_ message: String) -> CommandFailure {
    CommandFailure(.usage, "\(message); 'apus \(command.name) --help' lists what there is")
  }
}
