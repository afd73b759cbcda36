import ApusSystem
import Foundation
import Testing

@testable import apus

@Suite(.timeLimit(.minutes(10))) struct ToolOutputTests {
  @Test func `a tool whose output finds no space ends with a failure that says so`() async throws {
    let result = try await #require(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
      dup2(full.fileDescriptor, 1)
      ToolOutput.write("a line\n")
      exit(0)
    }
    let said = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(said.contains("apus: write to standard output: No space left on device"), "\(said)")
  }

  @Test func `a tool whose reader has gone ends with a failure and says nothing`() async throws {
    let result = try await #require(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      try Signals.ignoreBrokenPipes()
      let (ours, readers) = try Socket.pair()
      Socket.close(readers)
      dup2(ours, 1)
      ToolOutput.write("a line\n")
      exit(0)
    }
    let said = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(!said.contains("apus:"), "\(said)")
  }

  @Test func `what clients have stored does not command a terminal`() {
    let text = "topic=T body=a\u{1B}[2J\u{9B}m\n"
    #expect(ToolOutput.shown(text, isTerminal: true) == "topic=T body=a\\x1B[2J\\x9Bm\n")
    #expect(ToolOutput.shown(text, isTerminal: false) == text)
  }

  @Test func `a server goes on when nobody takes its words`() async throws {
    await #expect(processExitsWith: .exitCode(7)) {
      let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
      dup2(full.fileDescriptor, 1)
      ProcessIO.write("ready\n", to: .standardOutput)
      exit(7)
    }
  }
}
