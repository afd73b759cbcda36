import ApusBase
import ApusModel
import ApusNameServer
import ApusProtocol
import Testing

/// Recorded requests, played to our name server, get the recorded answers.
@Suite struct RecordedAnswerTests {
  /// A name server that has seen the recorded session up to its last registration.
  private func played(_ session: String) throws -> NameServerHarness {
    let server = try NameServerHarness()
    try server.play(try RecordedFrames.samples(.registerBroker, session: session))
    try server.play(try RecordedFrames.samples(.putKVConfig, session: session))
    return server
  }

  /// As `played`, and the topics that the recorded lists name but no recorded registration does.
  private func complete(_ session: String) throws -> NameServerHarness {
    let server = try played(session)
    let list = try Command(
      copying: try RecordedFrames.samples(.getAllTopicListFromNameserver, session: session)[0].response)
    let known = Set(try server.topics())
    let names = try JSONParser.parse(list.body.rawSpan)["topicList"]?.texts ?? []
    let body = RegisterBrokerBody(
      topics: TopicTable(
        version: DataVersion(timestamp: WallTime(milliseconds: 1), counter: 99),
        topics: names.filter { !known.contains($0) }.map { TopicConfig(name: $0) }))
    let address = session == "json" ? "127.0.0.1:39911" : "127.0.0.1:40911"
    let answer = try server.call(
      .registerBroker,
      [
        "brokerName": "fx-a", "brokerAddr": address, "clusterName": "FxCluster", "haServerAddr": "x", "brokerId": "0",
      ], body: body.bytes())
    #expect(answer.responseCode == .success)
    return server
  }

  @Test(arguments: ["json", "binary"])
  func `registrations, with and without order configurations`(_ session: String) throws {
    let server = try NameServerHarness()
    let samples = try RecordedFrames.samples(.registerBroker, session: session).filter { !$0.response.isEmpty }
    #expect(samples.count == 7)
    for (number, sample) in samples.enumerated() {
      if number == 3 { try server.play([try RecordedFrames.samples(.putKVConfig, session: session)[0]]) }
      try expectSame(try server.answer(sample.request), sample)
    }
  }

  @Test func `registrations of old clients and compressed ones`() throws {
    for session in ["synthetic", "acl"] {
      let server = try NameServerHarness()
      for sample in try RecordedFrames.samples(.registerBroker, session: session) where !sample.response.isEmpty {
        let answer = try server.answer(sample.request)
        // Java answers a registration without fields with the text of its NullPointerException.
        if try Command(copying: sample.response).responseCode == .systemError {
          #expect(try Command(copying: answer).responseCode == .systemError)
        } else {
          try expectSame(answer, sample)
        }
      }
    }
  }

  @Test(arguments: ["json", "binary"])
  func `routes, byte for byte`(_ session: String) throws {
    let server = try played(session)
    var found = 0
    for sample in try RecordedFrames.samples(.getRouteInfoByTopic, session: session) {
      // Topics that were created while recording are there already, and unknown ones have their answer below.
      guard try Command(copying: sample.response).responseCode == .success else { continue }
      found += 1
      #expect(try server.answer(sample.request) == sample.response, "\(sample.title)")
    }
    #expect(found > 5)
  }

  @Test func `routes of a broker that registered compressed, byte for byte`() throws {
    let server = try played("acl")
    let samples = try RecordedFrames.samples(.getRouteInfoByTopic, session: "acl")
    #expect(!samples.isEmpty)
    for sample in samples { #expect(try server.answer(sample.request) == sample.response, "\(sample.title)") }
  }

  @Test func `unknown topics, byte for byte`() throws {
    let server = try NameServerHarness()
    var found = 0
    for sample in try RecordedFrames.samples(.getRouteInfoByTopic) {
      guard try Command(copying: sample.response).responseCode == .topicNotExist else { continue }
      found += 1
      #expect(try server.answer(sample.request) == sample.response, "\(sample.title)")
    }
    #expect(found > 5)
  }

  @Test(arguments: ["json", "binary"])
  func `old clients get the same route with unquoted broker numbers`(_ session: String) throws {
    let server = try played(session)
    let sample = try #require(try RecordedFrames.samples(.getRouteInfoByTopic, session: session).first)
    let recorded = try Command(copying: sample.response).text
    let expected = recorded.replacing("{\"0\":", with: "{0:").replacing(",\"1\":", with: ",1:")
    #expect(expected != recorded)
    let old = try server.call(.getRouteInfoByTopic, ["topic": "TBW102"], version: 400)
    #expect(old.text == expected)
    let strict = try server.call(
      .getRouteInfoByTopic, ["topic": "TBW102", "acceptStandardJsonOnly": "TRUE"], version: 0)
    #expect(strict.text == recorded)
  }

  @Test(arguments: ["json", "binary"])
  func `clusters, topic lists and unit topics`(_ session: String) throws {
    let server = try complete(session)
    let codes: [RequestCode] = [
      .getBrokerClusterInfo, .getAllTopicListFromNameserver, .getTopicsByCluster, .getSystemTopicListFromNs,
      .getUnitTopicList, .getHasUnitSubTopicList, .getHasUnitSubUnunitTopicList,
    ]
    for code in codes {
      let samples = try RecordedFrames.samples(code, session: session)
      #expect(!samples.isEmpty, "\(code)")
      for sample in samples { try expectSame(try server.answer(sample.request), sample) }
    }
  }

  @Test(arguments: ["json", "binary"])
  func `KV settings`(_ session: String) throws {
    let server = try NameServerHarness()
    for code in [.putKVConfig, .getKVConfig, .getKVListByNamespace, .deleteKVConfig] as [RequestCode] {
      let samples = try RecordedFrames.samples(code, session: session)
      #expect(!samples.isEmpty, "\(code)")
      for sample in samples { try expectSame(try server.answer(sample.request), sample) }
    }
    #expect(try server.call(.getKVConfig, ["namespace": "NS1", "key": "k1"]).responseCode == .queryNotFound)
  }

  @Test(arguments: ["json", "binary"])
  func `write permissions, deletion and leaving`(_ session: String) throws {
    let server = try complete(session)
    let codes: [RequestCode] = [
      .wipeWritePermOfBroker, .addWritePermOfBroker, .deleteTopicInNamesrv, .unregisterBroker,
    ]
    for code in codes {
      let samples = try RecordedFrames.samples(code, session: session)
      #expect(!samples.isEmpty, "\(code)")
      for sample in samples { try expectSame(try server.answer(sample.request), sample) }
    }
  }

  @Test func `data versions`() throws {
    let server = try played("acl")
    let samples = try RecordedFrames.samples(.queryDataVersion)
    try expectSame(try server.answer(samples[0].request), samples[0])
    // The registration between the two was not recorded: here the second version is another one.
    let second = try Command(copying: try server.answer(samples[1].request))
    #expect(second["changed"] == "true")
    #expect(second.text == #"{"counter":3,"timestamp":1795221116305}"#)
  }

  @Test(arguments: ["json", "binary"])
  func `settings`(_ session: String) throws {
    let server = try NameServerHarness()
    let update = try #require(try RecordedFrames.samples(.updateNamesrvConfig, session: session).first)
    try expectSame(try server.answer(update.request), update)
    let read = try #require(try RecordedFrames.samples(.getNamesrvConfig, session: session).first)
    let mine = try Command(copying: try server.answer(read.request)).text.split(separator: "\n")
    let recorded = try Command(copying: read.response).text.split(separator: "\n")
    let machine = ["kvConfigPath", "configStorePath", "listenPort", "rocketmqHome"]
    func plain(_ lines: [Substring]) -> [Substring] {
      lines.filter { line in !machine.contains { line.hasPrefix($0) } }
    }
    #expect(plain(mine) == plain(recorded))
    #expect(mine.map { $0.prefix { $0 != "=" } } == recorded.map { $0.prefix { $0 != "=" } })
  }
}
