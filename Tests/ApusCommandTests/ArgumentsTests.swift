import ApusAdmin
import ApusCommandLine
import Testing

@testable import apus

@Suite struct ArgumentsTests {
  private func run(_ line: String) throws -> Arguments {
    let invocation = try Invocation(commandLine: line.split(separator: " ").map(String.init))
    guard case .run(let arguments) = invocation else { throw CommandFailure(.failure, "not a command: \(line)") }
    return arguments
  }

  private func refusal(_ line: String) -> CommandFailure? {
    #expect(throws: CommandFailure.self) {
      _ = try Invocation(commandLine: line.split(separator: " ").map(String.init))
    }
  }

  @Test func `serve takes its options in both spellings`() throws {
    let arguments = try run("apus serve --store=/data -c a.conf --broker-port 0 --bind 0.0.0.0")
    #expect(arguments.text("store") == "/data")
    #expect(arguments.text("config") == "a.conf")
    #expect(try arguments.integer("broker-port", in: 0...65535) == 0)
    #expect(arguments.text("advertise") == nil)
  }

  @Test(arguments: [
    "/opt/bin/mqbroker -n a:1;b:2 -c x.conf -p", "apus broker -n a:1;b:2 -c x.conf -p",
    "mqbroker --namesrvAddr a:1;b:2 --configFile x.conf --printConfigItem",
    "mqbroker -namesrvAddr a:1;b:2 -configFile=x.conf -printConfigItem",
    "apus mqbroker --name-servers=a:1;b:2 --config=x.conf --print",
  ])
  func `a broker is asked for by every name and spelling that RocketMQ's scripts use`(line: String) throws {
    let arguments = try run(line)
    #expect(arguments.command.name == "broker")
    #expect(arguments.text("name-servers") == "a:1;b:2")
    #expect(arguments.text("config") == "x.conf")
    #expect(arguments.has("print"))
  }

  @Test func `the program name decides the role`() throws {
    #expect(try run("mqnamesrv").command.name == "namesrv")
    #expect(try run("./mqnamesrv -c x").command.name == "namesrv")
  }

  @Test(arguments: [
    ("apus", "say what to run"), ("/opt/bin/mqshutdown broker", "stop a server by SIGTERM"),
    ("apus fly", "unknown command 'fly'"), ("apus serve --stroe x", "unknown option '--stroe'"),
    ("apus serve --store", "needs a value: DIR"), ("apus serve --store a --store b", "stands twice"),
    ("apus serve extra", "unexpected 'extra'"), ("apus bench send pull", "unexpected 'pull'"),
    ("apus broker --print=1", "takes no value"), ("apus serve --store --help", "'--store' needs a value: DIR"),
    ("apus broker -n -c x.conf", "'-n' needs a value: LIST"), ("apus broker -n", "'-n' needs a value: LIST"),
    ("apus broker --define --print", "'--define' needs a value"),
  ])
  func `a wrong command line is refused with the word that is wrong`(line: String, reason: String) throws {
    let failure = try #require(refusal(line))
    #expect(failure.status == .usage)
    #expect(failure.message.contains(reason), "\(failure.message)")
  }

  @Test func `a value may look like an option where it cannot be one`() throws {
    #expect(try run("apus serve --store=--help").text("store") == "--help")
    #expect(try run("apus serve --store -x").text("store") == "-x")
    #expect(try run("apus serve --store=\u{301}x").text("store") == "\u{301}x")
  }

  @Test func `behind two dashes all words are operands`() throws {
    let description = try #require(AdminCommands.named("send")).description
    let words = ["-k", "one", "--", "Orders", "-5", "--"]
    let refusal = #expect(throws: CommandFailure.self) { _ = try Arguments(words[...], of: description) }
    #expect(refusal?.message.contains("unexpected '--'") == true)
    let arguments = try Arguments(words.dropLast(), of: description)
    #expect(arguments.operands == ["Orders", "-5"] && arguments.text("key") == "one")
  }

  @Test(arguments: ["--secretKey=hidden", "-shidden", "-s hidden", "-secretKey=hidden"])
  func `an option that stands twice is named without its value`(word: String) throws {
    let words = "-b x:1 -a key -s other \(word)".split(separator: " ").map(String.init)
    let description = try #require(AdminCommands.named("updateAclConfig")).description
    let failure = #expect(throws: CommandFailure.self) { _ = try Arguments(words[...], of: description) }
    #expect(failure?.message.contains("stands twice") == true)
    #expect(failure?.message.contains("hidden") == false)
  }

  @Test(arguments: ["-1", "65536", "abc", "", "1e3", "99999999999999999999"])
  func `a number outside of its range is refused with the range`(text: String) throws {
    let arguments = try run("apus serve --broker-port=\(text)")
    let failure = #expect(throws: CommandFailure.self) { _ = try arguments.integer("broker-port", in: 0...65535) }
    #expect(failure?.message.contains("from 0 to 65535, not '\(text)'") == true)
  }

  @Test(arguments: ["nan", "inf", "-1", "x"])
  func `a duration that is none is refused`(text: String) throws {
    let arguments = try run("apus bench send --seconds=\(text)")
    #expect(throws: CommandFailure.self) { _ = try arguments.decimal("seconds", in: 0.1...3600) }
  }

  @Test func `loads of the client library take their own options`() throws {
    let arguments = try run("apus bench sdk-send --namesrv a:1;b:2 --window 7 --size 100 --seconds 0.5 --topic T")
    let load = try SDKBenchCommand.load(.send, arguments)
    #expect(load.nameServers == ["a:1", "b:2"])
    #expect((load.window, load.bodyBytes, load.topic) == (7, 100, "T"))
    #expect(load.duration == .milliseconds(500))
    #expect(try SDKBenchCommand.load(.pull, run("apus bench sdk-pull")).nameServers == ["127.0.0.1:9876"])
    #expect(throws: CommandFailure.self) {
      try SDKBenchCommand.load(.send, run("apus bench sdk-send --window 0"))
    }
    let empty = #expect(throws: CommandFailure.self) {
      _ = try SDKBenchCommand.load(.send, run("apus bench sdk-send --namesrv="))
    }
    #expect(empty?.status == .usage)
  }

  @Test func `a load of the client library keeps to a rate where it can have one`() throws {
    #expect(try SDKBenchCommand.load(.send, run("apus bench sdk-send --rate 50")).rate == 50)
    #expect(try SDKBenchCommand.load(.send, run("apus bench sdk-send")).rate == nil)
    #expect(try SDKBenchCommand.load(.endToEnd, run("apus bench sdk-e2e")).rate == 1000)
  }

  @Test(arguments: [
    "sdk-pull --rate 5", "sdk-send --tls", "sdk-e2e --broker x:1", "pull --rate 5", "send --namesrv x:1",
  ])
  func `an option that a load does not look at is refused`(line: String) throws {
    let failure = #expect(throws: CommandFailure.self) { try BenchCommand.run(run("apus bench \(line)")) }
    #expect(failure?.status == .usage)
    #expect(failure?.message.contains(" takes no --") == true)
  }

  @Test func `help names every command, option and exit code`() throws {
    guard case .show(let overview) = try Invocation(commandLine: ["apus", "--help"]) else {
      throw CommandFailure(.failure, "")
    }
    for command in CommandDescription.all { #expect(overview.contains("  \(command.name) ")) }
    for status in ExitStatus.allCases {
      #expect(overview.contains("\(status.rawValue)  ") && overview.contains(status.meaning))
    }
    // The administration tool reads the words of its commands by itself; ApusAdminTests hold their help.
    let own = ["admin"] + AdminCommands.short.map { $0.description.name }
    for command in CommandDescription.all where !own.contains(command.name) {
      guard case .show(let text) = try Invocation(commandLine: ["apus", command.name, "-h"]) else {
        Issue.record("\(command.name) -h shows nothing")
        continue
      }
      for option in command.options { #expect(text.contains("--\(option.name)")) }
    }
  }

  @Test(arguments: [["apus", "--version"], ["mqbroker", "--version"], ["apus", "serve", "--version"]])
  func `the version says what it is compatible with`(line: [String]) throws {
    #expect(try Invocation(commandLine: line) == .show("apus 0.1.0, compatible with RocketMQ 4.9.8\n"))
  }

  @Test func `no command has two options of one name or letter`() {
    for command in CommandDescription.all {
      #expect(Set(command.options.map(\.name)).count == command.options.count)
      let letters = command.options.compactMap(\.letter)
      #expect(Set(letters).count == letters.count)
    }
  }
}
