import Foundation
import Testing

@testable import apus

/// Every `apus …` that the documentation shows is put to the program's own command line.
@Suite struct DocumentedCommandsTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The pages of documentation: path and lines.
  private static let pages: [(path: String, lines: [Substring])] = {
    ["", "docs", "docs/adr", "Benchmarks"].flatMap { directory in
      let url = root.appending(path: directory)
      let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
      return names.filter { $0.hasSuffix(".md") }.sorted().map { name in
        let text = (try? String(contentsOf: url.appending(path: name), encoding: .utf8)) ?? ""
        return (directory.isEmpty ? name : "\(directory)/\(name)", text.split(separator: "\n"))
      }
    }
  }()

  /// The command lines of a line of documentation: what stands between backticks, or a line of a block.
  static func commandLines(_ line: Substring) -> [[String]] {
    let parts = line.split(separator: "`", omittingEmptySubsequences: false).map { $0.replacing("\\|", with: "|") }
    let candidates = parts.count == 1 ? parts : parts.indices.filter { $0 % 2 == 1 }.map { parts[$0] }
    return candidates.compactMap { text in
      let command = text.trimmingCharacters(in: .whitespaces).prefix { !"&;#<>…".contains($0) }
      let words = command.replacing(" | ", with: "\n").prefix { $0 != "\n" }.split(separator: " ").map(String.init)
      guard words.count > 1, let program = words[0].split(separator: "/").last,
        ["apus", "mqbroker", "mqnamesrv", "mqadmin"].contains(program)
      else { return nil }
      // In prose the word after the program is anything; in examples a placeholder stands for a command.
      let isCommand = parts.count > 1 || words[0].contains("/") || words[1].contains(/^[a-z]+$/)
      return isCommand && words[1] != "COMMAND" ? [String(program)] + words.dropFirst() : nil
    }
  }

  /// What is wrong with a command line, or nil. An option at the end may be named without its value.
  static func fault(_ words: [String]) -> String? {
    var fault: String?
    for line in [words, words + ["1"]] {
      do {
        _ = try Invocation(commandLine: line)
        return nil
      } catch {
        fault = fault ?? "\(error)"
      }
    }
    return fault
  }

  @Test func `commands that the documentation shows exist, with their options`() {
    var count = 0
    for page in Self.pages {
      for (index, line) in page.lines.enumerated() where line.contains("apus ") || line.contains("mq") {
        for words in Self.commandLines(line) {
          count += 1
          if let fault = Self.fault(words) {
            Issue.record("\(page.path), \(index + 1): \(words.joined(separator: " ")): \(fault)")
          }
        }
      }
    }
    #expect(count > 30, "the documentation was not found from \(#filePath)")
  }

  @Test func `options that guides name alone belong to some command`() throws {
    guard case .show(let overview) = try Invocation(commandLine: ["apus", "--help"]) else { return }
    let names = overview.matches(of: /(?m)^  ([a-z]+) +[A-Z]/).map { String($0.1) }
    #expect(names.count >= 5)
    var help = overview
    for name in names {
      if case .show(let text) = try Invocation(commandLine: ["apus", name, "--help"]) { help += text }
    }
    let known = Set(help.matches(of: /--[a-z][a-z0-9-]*/).map { String($0.0) })
    for page in Self.pages where ["README.md", "SECURITY.md", "docs/operations.md"].contains(page.path) {
      for match in page.lines.joined(separator: "\n").matches(of: /`(--[a-z][a-z0-9-]*)/) {
        #expect(known.contains(String(match.1)), "\(page.path): there is no option \(match.1)")
      }
    }
  }

  @Test func `command lines are found in prose, tables and blocks`() {
    #expect(
      Self.commandLines("| `apus store check\\|repair DIR` | see `apus COMMAND --help`, not apus itself |")
        == [["apus", "store", "check|repair", "DIR"]])
    #expect(
      Self.commandLines(".build/release/apus serve --log apus.log &") == [["apus", "serve", "--log", "apus.log"]])
    #expect(Self.commandLines("apus 0.1.0 ready in 12 ms: name server") == [])
    #expect(Self.fault(["apus", "fly"])?.contains("fly") == true)
    #expect(Self.fault(["apus", "serve", "--stroe", "x"]) != nil)
    #expect(Self.fault(["apus", "serve", "--store"]) == nil)
  }
}
