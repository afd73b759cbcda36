import ApusCommandLine
import Foundation
import Testing

@testable import ApusAdmin

@Suite struct CommandTableTests {
  /// The rows of the table of commands in docs/compatibility.md: name, options, state, tests.
  private static var rows: [[String]] {
    get throws {
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let page = try String(contentsOf: root.appendingPathComponent("docs/compatibility.md"), encoding: .utf8)
      let section = page.components(separatedBy: "## Administration commands").dropFirst().first ?? ""
      return section.components(separatedBy: "\n## ")[0].split(separator: "\n").filter { $0.hasPrefix("| ") }
        .dropFirst().map { $0.dropFirst(2).dropLast(2).components(separatedBy: " | ") }
    }
  }

  @Test func `every command of mqadmin is there, with its options and a test`() throws {
    let rows = try Self.rows
    #expect(rows.count == 60)
    #expect(Set(AdminCommands.all.map { $0.shortName }) == Set(rows.map { $0[0] }))
    let suites = [
      "AccessCommandTests", "ExportCommandTests", "GroupCommandTests", "MessageCommandTests", "RelayCommandTests",
      "ServerCommandTests", "TopicCommandTests",
    ]
    for row in rows {
      let command = try #require(AdminCommands.named(row[0]), "\(row[0])")
      let options = command.description.options.filter {
        $0.letter != nil && $0 != CommonOption.nameServers && $0 != .help
      }
      .map { "-\($0.letter ?? " ") \($0.name)" }
      #expect(options == row[1].components(separatedBy: ", ").filter { $0 != "–" }, "\(row[0])")
      #expect(row[2] == "works", "\(row[0])")
      #expect(suites.contains { row[3] == "`\($0)`" }, "\(row[0])")
    }
  }

  @Test func `no command has two options of one name or letter, and none takes what all have`() {
    for command in AdminCommands.all {
      let options = command.description.options
      #expect(Set(options.map(\.name)).count == options.count, "\(command.shortName)")
      let letters = options.compactMap(\.letter)
      #expect(Set(letters).count == letters.count, "\(command.shortName)")
      #expect(!command.description.summary.isEmpty && command.description.summary.hasSuffix("."))
    }
  }
}
