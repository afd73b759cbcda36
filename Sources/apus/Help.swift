/// The help texts, made from the command table.
enum Help {
  /// What `apus --help` prints.
  static var overview: String {
    var lines = [Version.line, "", "Usage: apus COMMAND [OPTION…]", "", "Commands:"]
    lines += Command.all.map { column($0.name) + $0.summary }
    lines += ["", "Options:", column("-h, --help") + "Show this help, or with a command its own."]
    lines += [column("--version") + "Show the version.", ""]
    lines += ["Called as mqnamesrv or mqbroker, apus takes that role.", "", "Exit codes:"]
    lines += ExitStatus.allCases.map { column(String($0.rawValue)) + $0.meaning }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What `apus COMMAND --help` prints.
  static func text(for command: Command) -> String {
    let operands = command.operands.isEmpty ? "" : " \(command.operands)"
    var lines = [
      "Usage: apus \(command.name)\(operands) [OPTION…]", "", command.summary, "", command.details, "", "Options:",
    ]
    lines += command.options.map { option in
      let short = option.letter.map { "-\($0), " } ?? "    "
      let value = option.value.map { " \($0)" } ?? ""
      return column("\(short)--\(option.name)\(value)", width: 30) + option.help
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func column(_ text: String, width: Int = 16) -> String {
    "  " + text + String(repeating: " ", count: max(2, width - 2 - text.count))
  }
}
