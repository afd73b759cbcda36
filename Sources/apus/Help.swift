import ApusCommandLine

/// The help texts, made from the command table.
enum Help {
  /// What `apus --help` prints.
  static var overview: String {
    var lines = [Version.line, "", "Usage: apus COMMAND [OPTION…]", "", "Commands:"]
    lines += CommandDescription.all.map { TextColumns.row($0.name) + $0.summary }
    lines += ["", "Options:", TextColumns.row("-h, --help") + "Show this help, or with a command its own."]
    lines += [TextColumns.row("--version") + "Show the version.", ""]
    lines += ["Called as mqnamesrv, mqbroker or mqadmin, apus takes that role.", "", "Exit codes:"]
    lines += ExitStatus.allCases.map { TextColumns.row(String($0.rawValue)) + $0.meaning }
    return lines.joined(separator: "\n") + "\n"
  }
}
