import ApusCommandLine
import Foundation
import Testing

@testable import apus

@Suite(.timeLimit(.minutes(10))) struct CompletionTests {
  private func output(of tool: String, _ arguments: [String], input: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [tool] + arguments
    let (standardInput, standardOutput) = (Pipe(), Pipe())
    process.standardInput = standardInput
    process.standardOutput = standardOutput
    try process.run()
    standardInput.fileHandleForWriting.write(Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    let data = standardOutput.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }

  @Test(arguments: [
    (["apus", "ser"], "serve"), (["apus", "admin", "topicSt"], "topicStatus"),
    (["apus", "admin", "topicStatus", "--top"], "--topic"), (["apus", "store", "--segment"], "--segment-bytes"),
    (["apus", "send", "--ta"], "--tag"),
  ])
  func `bash completes commands, commands of the tool, and options`(words: [String], expected: String) throws {
    let script =
      Completions.script(for: .bash, CommandDescription.everything)
      + "COMP_WORDS=(\(words.joined(separator: " "))); COMP_CWORD=\(words.count - 1); _apus; echo ${COMPREPLY[*]}\n"
    #expect(try output(of: "bash", [], input: script) == expected + "\n")
  }

  @Test func `every command and option is in the completions of every shell and in the manual`() {
    let manual = ManualPage.text(version: Version.line, CommandDescription.everything)
    let scripts = Completions.Shell.allCases.map { Completions.script(for: $0, CommandDescription.everything) }
    for command in CommandDescription.everything {
      let word = command.name.split(separator: " ").last.map(String.init) ?? ""
      #expect(manual.contains("\n.SS apus \(command.name.replacing("-", with: "\\-"))"), "\(command.name)")
      for script in scripts { #expect(script.contains(word), "\(command.name)") }
      for option in command.options {
        for script in scripts { #expect(script.contains(option.name), "\(option.name)") }
        #expect(manual.contains("\\fB\\-\\-\(option.name.replacing("-", with: "\\-"))\\fR"), "\(option.name)")
      }
    }
    for line in manual.split(separator: "\n") where line.hasPrefix(".") {
      #expect([".TH", ".SH", ".SS", ".TP", ".B ", ".I "].contains { line.hasPrefix($0) }, "\(line)")
    }
  }

  @Test func `the manual page in the repository is the one that the program prints`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("docs/apus.1"), encoding: .utf8)
    let manual = ManualPage.text(version: Version.line, CommandDescription.everything)
    let pairs = zip(page.components(separatedBy: "\n"), manual.components(separatedBy: "\n"))
    let first = pairs.first { $0 != $1 }.map { "\($0.0) is now \($0.1)" } ?? "it has another length"
    #expect(page == manual, "docs/apus.1 is of another command table, run 'apus manual > docs/apus.1': \(first)")
  }

  @Test func `the program is asked for completions, the manual and the tool by their words`() throws {
    #expect(try Invocation(commandLine: ["apus", "send", "T", "b"]) == .administer(["send", "T", "b"]))
    #expect(try Invocation(commandLine: ["mqadmin", "topicList", "-n", "x"]) == .administer(["topicList", "-n", "x"]))
    #expect(try Invocation(commandLine: ["apus", "admin", "topicList"]) == .administer(["topicList"]))
    guard case .run(let arguments) = try Invocation(commandLine: ["apus", "completions", "fish"]) else {
      throw CommandFailure(.failure, "not a command")
    }
    #expect(arguments.operands == ["fish"])
  }
}
