package import ApusBase

/// The words after a command, sorted into options and operands.
package struct Arguments: Hashable, Sendable {
  /// The command that they were given to.
  package let command: CommandDescription
  /// Words that are no options, in order.
  package private(set) var operands: [String] = []
  /// Settings that `-D` defines, as Java's system properties.
  package private(set) var definitions = PropertiesFile()
  private var values: [String: String] = [:]

  /// Sorts `words`; behind `--` all of them are operands. Throws for an option that the command does not have, that
  /// lacks its value or stands twice, for one that is missing, and for operands beyond what the command takes.
  package init(_ words: ArraySlice<String>, of command: CommandDescription) throws(CommandFailure) {
    self.command = command
    var words = words
    let definer = command.options.first { $0.settingPrefix != nil }
    while let word = words.popFirst() {
      guard word != "--" else {
        operands += words
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        operands.append(word)
        continue
      }
      if let definer, word.hasPrefix("-\(definer.letter ?? "D")") {
        try define(word.count > 2 ? word.dropFirst(2) : words.popFirst()?[...] ?? "", definer)
        continue
      }
      try take(word, followedBy: &words)
    }
    guard !has(Option.help.name) else { return }
    if let limit = command.operandLimit, operands.count > limit { throw failure("unexpected '\(operands[limit])'") }
    if let missing = command.options.first(where: { $0.isRequired && values[$0.name] == nil }) {
      let help = missing.help.hasSuffix(".") ? String(missing.help.dropLast()) : missing.help
      throw failure("option \(missing.spelling) is missing: \(help)")
    }
    if !command.choices.isEmpty, command.choices.allSatisfy({ values[$0] == nil }) {
      let spellings = command.options.filter { command.choices.contains($0.name) }.map(\.spelling)
      throw failure("one of \(spellings.joined(separator: " and ")) is missing")
    }
  }

  private mutating func take(_ word: String, followedBy words: inout ArraySlice<String>) throws(CommandFailure) {
    // By bytes: a character that combines with the equals sign is the value's first one.
    let equals = word.utf8.firstIndex(of: UInt8(ascii: "="))
    let name = equals.map { word[..<$0] } ?? word[...]
    guard let option = command.options.first(where: { $0.isSpelled(name) }) else { return try takeJoined(word, name) }
    guard option.value != nil else {
      guard equals == nil else { throw failure("option '\(name)' takes no value") }
      return try set(option, "", as: word)
    }
    let value: String
    if let equals {
      value = String(word[word.utf8.index(after: equals)...])
    } else if let next = words.first, !isOption(next) {
      words.removeFirst()
      value = next
    } else {
      throw failure("option '\(word)' needs a value: \(option.value ?? "")")
    }
    guard option.settingPrefix == nil else { return try define(value[...], option) }
    try set(option, value, as: String(name))
  }

  /// Whether a word is one of the command's options, and not the value of the one before it: as for Java's parser that
  /// one lacks its value then, as when it comes from a variable that is not set.
  private func isOption(_ word: String) -> Bool {
    word.hasPrefix("-") && command.options.contains { $0.isSpelled(word[...]) }
  }

  /// Takes a value that follows its option's letter at once, and switches whose letters follow each other.
  private mutating func takeJoined(_ word: String, _ shown: Substring) throws(CommandFailure) {
    var letters = word.dropFirst()
    guard !word.hasPrefix("--") else { throw failure("unknown option '\(shown)'") }
    while let letter = letters.popFirst() {
      guard let option = command.options.first(where: { $0.letter == letter }) else {
        throw failure("unknown option '\(shown)'")
      }
      if option.value != nil {
        try set(option, String(letters), as: "-\(letter)")
        return
      }
      try set(option, "", as: "-\(letter)")
    }
  }

  /// Keeps a value. What is said when there is one already names the option as it was spelled, and shows no value: that
  /// may be a secret.
  private mutating func set(_ option: Option, _ value: String, as spelling: String) throws(CommandFailure) {
    guard values.updateValue(value, forKey: option.name) == nil else {
      throw failure("option '\(spelling)' stands twice")
    }
  }

  private mutating func define(_ text: Substring, _ option: Option) throws(CommandFailure) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let prefix = option.settingPrefix, parts[0].hasPrefix(prefix) else {
      throw failure("option '-\(option.letter ?? "D")' takes \(option.value ?? "KEY=VALUE"), not '\(text)'")
    }
    definitions[String(parts[0])] = String(parts[1])
  }

  /// Whether a switch or an option was given.
  package func has(_ name: String) -> Bool {
    precondition(command.options.contains { $0.name == name }, "\(command.name) has no option \(name)")
    return values[name] != nil
  }

  /// The value of an option, or nil when it was not given.
  package func text(_ name: String) -> String? { has(name) ? values[name] : nil }

  /// The value of an option that the command cannot do without, spaces at its ends cut off; fails when it is empty.
  package func required(_ name: String) throws(CommandFailure) -> String {
    let text = trimmed(name) ?? ""
    guard !text.isEmpty else { throw failure("option '--\(name)' is empty") }
    return text
  }

  /// The value of an option, or nil when it was not given. Fails when it is empty, as from a variable that is not set.
  package func filled(_ name: String) throws(CommandFailure) -> String? {
    if has(name) { _ = try required(name) }
    return text(name)
  }

  /// The value of an option without the spaces at its ends, or nil when it was not given.
  package func trimmed(_ name: String) -> String? {
    guard let text = text(name) else { return nil }
    let start = text.drop(while: \.isWhitespace)
    return String(start[..<(start.lastIndex { !$0.isWhitespace }.map(start.index(after:)) ?? start.startIndex)])
  }

  /// Whether the value of an option is `true` and not `false`, in any case; nil when it was not given. Throws for
  /// anything else.
  package func bool(_ name: String) throws(CommandFailure) -> Bool? {
    guard let text = trimmed(name) else { return nil }
    switch text.lowercased() {
    case "true": return true
    case "false": return false
    default: throw failure("option '--\(name)' takes true or false, not '\(text)'")
    }
  }

  /// The number of an option, or nil when it was not given. Throws for anything but a whole number in `range`.
  package func integer<Value: FixedWidthInteger>(
    _ name: String, in range: ClosedRange<Value>
  ) throws(CommandFailure) -> Value? {
    guard let text = trimmed(name) else { return nil }
    guard let number = Value(text), range.contains(number) else {
      throw failure(
        "option '--\(name)' takes a whole number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return number
  }

  /// The number of an option, or nil when it was not given. Throws for anything but a decimal number in `range`.
  package func decimal(_ name: String, in range: ClosedRange<Double>) throws(CommandFailure) -> Double? {
    guard let text = text(name) else { return nil }
    guard let number = Double(text), range.contains(number) else {
      throw failure("option '--\(name)' takes a number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return number
  }

  /// A wrong command line of this command.
  package func failure(_ message: String) -> CommandFailure {
    CommandFailure(.usage, "\(command.name): \(message); 'apus \(command.name) --help' lists what there is")
  }
}
