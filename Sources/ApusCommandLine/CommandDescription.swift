/// What a command is called and what it takes. Parsing, help, the completions of shells and the manual page are made
/// from it.
package struct CommandDescription: Hashable, Sendable {
  /// The words that call it, as `serve` or `admin topicList`.
  package var name: String
  /// Another name by which it is called, as by RocketMQ's scripts.
  package var javaName: String?
  /// The operands as the usage line shows them; empty when there are none.
  package var operands: String
  /// How many operands there may be; nil when further ones are passed over, as mqadmin does.
  package var operandLimit: Int?
  /// One line for the overview.
  package var summary: String
  /// A paragraph for the command's own help; may be empty.
  package var details: String
  /// The options, in the order in which the help lists them.
  package var options: [Option]
  /// Names of options of which at least one must be given; empty when there is no such choice.
  package var choices: [String]
  /// What it takes away or changes for good, as the question before it says; nil for a command that does not.
  package var destroys: String?

  /// Describes a command. `--help` is added to its options.
  package init(
    name: String, javaName: String? = nil, operands: String = "", operandLimit: Int? = 0, summary: String,
    details: String = "", options: [Option], choices: [String] = [], destroys: String? = nil
  ) {
    self.name = name
    self.javaName = javaName
    self.operands = operands
    self.operandLimit = operandLimit
    self.summary = summary
    self.details = details
    self.options = options + [.help]
    self.choices = choices
    self.destroys = destroys
  }

  /// What the command's `--help` prints.
  package var helpText: String {
    let operands = operands.isEmpty ? "" : " \(operands)"
    var lines = ["Usage: apus \(name)\(operands) [OPTION…]", "", summary, ""]
    if !details.isEmpty { lines += [details, ""] }
    lines.append("Options:")
    lines += options.map { option in
      let short = option.letter.map { "-\($0), " } ?? "    "
      let value = option.value.map { " \($0)" } ?? ""
      return TextColumns.row("\(short)--\(option.name)\(value)", width: 30)
        + (option.isRequired ? "Required. " : "") + option.help
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Columns of the help texts.
package enum TextColumns {
  /// The first column of a line, indented and filled up.
  package static func row(_ text: String, width: Int = 16) -> String {
    "  " + text + String(repeating: " ", count: max(2, width - 2 - text.count))
  }
}
