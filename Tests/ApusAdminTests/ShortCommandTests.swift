import ApusBase
import ApusCommandLine
import Testing

@testable import ApusAdmin

@Suite(.timeLimit(.minutes(10))) struct ShortCommandTests {
  @Test func `a message is sent and printed the short way`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    let sent = await tool.output("send Orders 'a body' --tag blue --key one")
    #expect(
      sent.output.wholeMatch(of: /[0-9A-F]+ stored in Orders at fx-a, queue 0, offset 0\n/) != nil, "\(sent.output)")
    #expect(
      await tool.output("consume Orders").masked == "YYYY-MM-DD HH:MM:SS,mmm fx-a:0@0 (tag blue, keys one) a body\n")
    #expect(await tool.output("consume Orders --from last").output.isEmpty)
    #expect(await tool.output("consume Orders --from 4102444800000").output.isEmpty)
    #expect(await tool.output("consume Orders --tags red").output.isEmpty)
    let object = try #require(try await tool.output("consume Orders --json").objects.first)
    #expect(object["body"]?.text == "a body")
    for (line, reason) in [
      ("send Orders", "say what to send"), ("send Orders x --delay soon", "option '--delay' takes a time"),
      ("consume", "say which topic"), ("consume Orders --from then", "option '--from' takes first"),
      ("top --interval often", "option '--interval' takes a whole number"), ("top --fast", "unknown option '--fast'"),
    ] {
      let run = await tool.run(line)
      #expect(run.status == .usage && run.notes.contains(reason), "\(run.notes)")
    }
    #expect(await tool.run("consume Nowhere").status == .failure)
    let later = await tool.output("send Orders later --delay 1h").masked
    let words = /[0-9A-F]+ stored, to be delivered to Orders at YYYY-MM-DD HH:MM:SS,mmm\n/
    #expect(later.wholeMatch(of: words) != nil, "\(later)")
    let never = await tool.run("send Orders never --delay 41d")
    #expect(never.status == .failure && never.notes.contains("refused"), "\(never.notes)")
    #expect(await tool.output("consume Orders").lines.count == 2)
  }

  @Test func `in a group, what was printed is committed`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    _ = await tool.output("send Orders one")
    // It ends when nothing has come for five seconds, which a machine may stand still.
    var printed: [String] = []
    try await until {
      printed = await tool.run("consume Orders --group Readers").lines
      return printed != [""]
    }
    #expect(printed.count == 2)
    #expect(await tool.eventually("consume Orders --group Readers").output.isEmpty)
    #expect(await tool.run("consume Nowhere --group Readers").notes.contains("unknown topic"))
  }

  @Test func `a member of a group whose brokers do not answer is no success`() async throws {
    let tool = try await ToolUnderTest([])
    try await tool.registerUnreachable(topics: ["Orders"])
    let run = await tool.run("consume Orders --group Readers")
    #expect(run.status == .failure && run.output.isEmpty, "\(run.output)")
    #expect(run.notes.contains("got no queue of the topic 'Orders'"), "\(run.notes)")
  }

  @Test func `topics and groups with their lags and rates`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    let top = await tool.output("top").lines
    #expect(
      top[0]
        == "TOPIC                                     GROUP                                 "
        + "            LAG        IN/S       OUT/S"
    )
    #expect(top.contains { $0.hasPrefix("Orders ") && $0.hasSuffix("           0        0.00        0.00") }, "\(top)")
    #expect(!top.contains { $0.hasPrefix("TBW102") })
    #expect(await tool.output("top --all --once").lines.contains { $0.hasPrefix("TBW102") })
  }
}
