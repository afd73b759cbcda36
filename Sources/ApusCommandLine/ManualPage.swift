/// The manual page, in the language of man(7), made from command tables.
package enum ManualPage {
  /// `apus.1`; `version` is the line that names the release.
  package static func text(version: String, _ commands: [CommandDescription]) -> String {
    var lines = [
      ".TH APUS 1 \"\" \"\(escaped(version))\" \"User Commands\"", ".SH NAME",
      "apus \\- message broker compatible with Apache RocketMQ, its name server and its tools", ".SH SYNOPSIS",
      ".B apus", ".I COMMAND", "[\\fIOPTION\\fR…]", ".SH DESCRIPTION",
      "Called as mqnamesrv, mqbroker or mqadmin, apus takes that role.", ".SH COMMANDS",
    ]
    for command in commands {
      lines.append(".SS apus \(escaped(command.name)) \(escaped(command.operands))".trimmedEnd)
      lines.append(line(command.summary))
      if !command.details.isEmpty { lines += command.details.split(separator: "\n").map { line(String($0)) } }
      for option in command.options {
        let letter = option.letter.map { "\\fB\\-\($0)\\fR, " } ?? ""
        let value = option.value.map { " \\fI\(escaped($0))\\fR" } ?? ""
        lines += [".TP", "\(letter)\\fB\\-\\-\(escaped(option.name))\\fR\(value)"]
        lines.append(line((option.isRequired ? "Required. " : "") + option.help))
      }
    }
    lines.append(".SH EXIT STATUS")
    for status in ExitStatus.allCases { lines += [".TP", "\(status.rawValue)", line(status.meaning)] }
    lines += [
      ".SH ENVIRONMENT", ".TP", "NAMESRV_ADDR", "Name servers, HOST:PORT;HOST:PORT.", ".TP", "ROCKETMQ_HOME",
      "Where RocketMQ's configuration is; conf/tools.yml below it names the account of apus admin.", ".TP",
      "JAVA_OPT, JAVA_OPT_EXT",
      "Words \\-Dtls.KEY=VALUE in them are read as RocketMQ's scripts have Java read them; by the servers also those "
        + "that set rocketmq.namesrv.addr, rocketmq.home.dir and user.home.",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// A line of text, which must not begin like a request.
  private static func line(_ text: String) -> String {
    let text = escaped(text)
    return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
  }

  private static func escaped(_ text: String) -> String {
    text.replacingEach("\\", with: "\\e").replacingEach("-", with: "\\-")
  }
}

extension String {
  /// The text without spaces at its end.
  fileprivate var trimmedEnd: String { String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)]) }
}
