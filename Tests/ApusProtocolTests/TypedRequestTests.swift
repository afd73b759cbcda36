import ApusBase
import ApusModel
import Testing

@testable import ApusProtocol

/// Recorded requests read into their typed form and written again say the same.
@Suite struct TypedRequestTests {
  /// Fields that any request may carry and that no typed form keeps: signatures, the stream mark, the group's broker.
  private static let general: Set = ["Signature", "AccessKey", "SecurityToken", "ReqT", "bname"]

  /// Reads every recorded request of a code and writes it again with `rewrite`; compares fields and body. Booleans that
  /// are left out count as false. Requests that Java's own client would never send (recorded on purpose) must be
  /// refused.
  private func check(
    _ code: RequestCode, sameBody: Bool = true,
    _ rewrite: (borrowing Request, inout ByteWriter) throws(Refusal) -> Void
  ) throws {
    var accepted = 0
    for sample in try FrameFixtures.samples(code) where !sample.request.isEmpty {
      var decoder = RequestDecoder()
      let request = try decoder.decode(frame: sample.request.rawSpan)
      let recorded = Command(copying: request)
      var output = ByteWriter()
      do throws(Refusal) {
        try rewrite(request, &output)
      } catch {
        #expect(sample.title.contains("synthetic"), "\(sample.testDescription): \(error)")
        continue
      }
      accepted += 1
      let written = try Command(frame: output.bytes)
      #expect(written.header.code == code.rawValue)
      #expect(written.header.type == recorded.header.type)
      #expect(meaning(written) == meaning(recorded), "\(sample.testDescription)")
      if sameBody { #expect(written.body == recorded.body, "\(sample.testDescription)") }
    }
    #expect(accepted > 0, "nothing recorded for \(code)")
  }

  private func meaning(_ command: Command) -> [String: String] {
    var fields: [String: String] = [:]
    for field in command.fields ?? [] where !Self.general.contains(field.name) && field.value != "false" {
      fields[field.name] = field.value
    }
    return fields
  }

  private func check<Typed: OutgoingRequest>(
    _ type: Typed.Type, _ read: (borrowing Request) throws(Refusal) -> Typed
  ) throws {
    try check(Typed.code) { request, output throws(Refusal) in
      try read(request).encode(id: request.header.id, type: request.header.type, into: &output)
    }
  }

  @Test(arguments: [10, 310, 320, 324, 325] as [Int32])
  func `sends`(code: Int32) throws {
    try check(RequestCode(code)) { request, output throws(Refusal) in
      let message = try SendMessage.Request(request)
      message.encode(request.code, id: request.header.id, type: request.header.type, into: &output)
    }
  }

  @Test func `pulls`() throws {
    try check(.pullMessage) { request, output throws(Refusal) in
      try PullMessage.Request(request).encode(id: request.header.id, type: request.header.type, into: &output)
    }
  }

  @Test func `consumer offsets`() throws {
    try check(.queryConsumerOffset) { request, output throws(Refusal) in
      try QueryConsumerOffset.Request(request).encode(id: request.header.id, type: request.header.type, into: &output)
    }
    try check(.updateConsumerOffset) { request, output throws(Refusal) in
      try UpdateConsumerOffset.Request(request).encode(id: request.header.id, type: request.header.type, into: &output)
    }
  }

  @Test func `requests of clients`() throws {
    try check(QueryMessage.Request.self) { r throws(Refusal) in try .init(r) }
    try check(SearchOffsetByTimestamp.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetMaxOffset.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetMinOffset.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetEarliestMessageStoreTime.Request.self) { r throws(Refusal) in try .init(r) }
    try check(ViewMessageByID.Request.self) { r throws(Refusal) in try .init(r) }
    try check(Heartbeat.Request.self) { r throws(Refusal) in try .init(r) }
    try check(UnregisterClient.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetConsumerListByGroup.Request.self) { r throws(Refusal) in try .init(r) }
    try check(LockBatchMessageQueue.Request.self) { r throws(Refusal) in try .init(r) }
    try check(UnlockBatchMessageQueue.Request.self) { r throws(Refusal) in try .init(r) }
    try check(PushReplyMessageToClient.Request.self) { r throws(Refusal) in try .init(r) }
    try check(NotifyConsumerIDsChanged.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetRouteInfoByTopic.Request.self) { r throws(Refusal) in try .init(r) }
  }

  @Test func `requests of brokers`() throws {
    try check(RegisterBroker.Request.self) { r throws(Refusal) in try .init(r) }
    try check(UnregisterBroker.Request.self) { r throws(Refusal) in try .init(r) }
    try check(QueryDataVersion.Request.self) { r throws(Refusal) in try .init(r) }
  }

  @Test func `requests of tools to brokers`() throws {
    try check(UpdateAndCreateTopic.Request.self) { r throws(Refusal) in try .init(r) }
    try check(UpdateBrokerConfig.Request.self) { r throws(Refusal) in try .init(r) }
    try check(UpdateAndCreateSubscriptionGroup.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetTopicStatsInfo.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetConsumerConnectionList.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetProducerConnectionList.Request.self) { r throws(Refusal) in try .init(r) }
    try check(DeleteSubscriptionGroup.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetConsumeStats.Request.self) { r throws(Refusal) in try .init(r) }
    try check(DeleteTopicInBroker.Request.self) { r throws(Refusal) in try .init(r) }
  }

  @Test func `requests that change access control`() throws {
    try check(UpdateAndCreateACLConfig.Request.self) { r throws(Refusal) in try .init(r) }
    try check(DeleteACLConfig.Request.self) { r throws(Refusal) in try .init(r) }
    try check(UpdateGlobalWhiteAddrsConfig.Request.self) { r throws(Refusal) in try .init(r) }
  }

  @Test func `inquiries of tools, and what brokers pass on to clients`() throws {
    try check(QueryTopicConsumeByWho.Request.self) { r throws(Refusal) in try .init(r) }
    try check(QueryConsumeTimeSpan.Request.self) { r throws(Refusal) in try .init(r) }
    try check(QueryCorrectionOffset.Request.self) { r throws(Refusal) in try .init(r) }
    try check(CloneGroupOffset.Request.self) { r throws(Refusal) in try .init(r) }
    try check(ViewBrokerStatsData.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetBrokerConsumeStats.Request.self) { r throws(Refusal) in try .init(r) }
    try check(QueryConsumeQueue.Request.self) { r throws(Refusal) in try .init(r) }
    try check(InvokeBrokerToResetOffset.Request.self) { r throws(Refusal) in try .init(r) }
    try check(ResetConsumerClientOffset.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetConsumerStatusFromClient.Request.self) { r throws(Refusal) in try .init(r) }
    try check(InvokeBrokerToGetConsumerStatus.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetConsumerRunningInfo.Request.self) { r throws(Refusal) in try .init(r) }
    try check(.consumeMessageDirectly, sameBody: false) { r, output throws(Refusal) in
      try ConsumeMessageDirectly.Request(r).encode(id: r.header.id, type: r.header.type, into: &output)
    }
  }

  @Test func `requests of tools to name servers`() throws {
    try check(PutKVConfig.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetKVConfig.Request.self) { r throws(Refusal) in try .init(r) }
    try check(DeleteKVConfig.Request.self) { r throws(Refusal) in try .init(r) }
    try check(WipeWritePermOfBroker.Request.self) { r throws(Refusal) in try .init(r) }
    try check(AddWritePermOfBroker.Request.self) { r throws(Refusal) in try .init(r) }
    try check(DeleteTopicInNamesrv.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetKVListByNamespace.Request.self) { r throws(Refusal) in try .init(r) }
    try check(GetTopicsByCluster.Request.self) { r throws(Refusal) in try .init(r) }
    try check(UpdateNamesrvConfig.Request.self) { r throws(Refusal) in try .init(r) }
  }

  @Test func `requests without fields`() throws {
    try check(GetAllTopicConfig.Request.self) { _ in .init() }
    try check(GetBrokerConfig.Request.self) { _ in .init() }
    try check(GetBrokerRuntimeInfo.Request.self) { _ in .init() }
    try check(GetAllConsumerOffset.Request.self) { _ in .init() }
    try check(GetBrokerClusterInfo.Request.self) { _ in .init() }
    try check(GetAllSubscriptionGroupConfig.Request.self) { _ in .init() }
    try check(GetAllTopicListFromNameserver.Request.self) { _ in .init() }
    try check(GetSystemTopicListFromNameserver.Request.self) { _ in .init() }
    try check(GetSystemTopicListFromBroker.Request.self) { _ in .init() }
    try check(GetUnitTopicList.Request.self) { _ in .init() }
    try check(GetHasUnitSubTopicList.Request.self) { _ in .init() }
    try check(GetHasUnitSubUnunitTopicList.Request.self) { _ in .init() }
    try check(GetNamesrvConfig.Request.self) { _ in .init() }
    try check(GetAllProducerInfo.Request.self) { _ in .init() }
    try check(CleanExpiredConsumeQueue.Request.self) { _ in .init() }
    try check(CleanUnusedTopic.Request.self) { _ in .init() }
    try check(DeleteExpiredCommitLog.Request.self) { _ in .init() }
  }

  @Test func `refuses a registration whose body is not what was sent`() throws {
    let registration = RegisterBroker.Request(
      brokerName: "b", brokerAddress: "127.0.0.1:10911", clusterName: "c", haServerAddress: "127.0.0.1:10912",
      brokerID: 0,
      body: RegisterBrokerBody(
        topics: TopicTable(version: DataVersion(timestamp: WallTime(milliseconds: 1)), topics: [])
      )
      .bytes())
    var output = ByteWriter()
    registration.encode(id: RequestID(1), into: &output)
    var frame = output.array
    var decoder = RequestDecoder()
    #expect(try RegisterBroker.Request(try decoder.decode(frame: frame.rawSpan)) == registration)
    frame[frame.count - 1] ^= 1
    let request = try decoder.decode(frame: frame.rawSpan)
    do throws(Refusal) {
      _ = try RegisterBroker.Request(request)
      Issue.record("a damaged body was accepted")
    } catch {
      #expect(error == Refusal(.systemError, "crc32 not match"))
    }
  }
}

@Suite struct TypedResponseTests {
  private func check(_ code: RequestCode, _ rewrite: (Command) throws -> Reply) throws {
    var checked = 0
    for sample in try FrameFixtures.samples(code) where !sample.response.isEmpty {
      let recorded = try Command(frame: sample.response.rawSpan)
      guard recorded.responseCode == .success else { continue }
      checked += 1
      let reply = try rewrite(recorded)
      func table(_ fields: [ReplyField]) -> [String: String] {
        Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      }
      #expect(table(reply.fields) == table(recorded.fields ?? []), "\(sample.testDescription)")
    }
    #expect(checked > 0)
  }

  @Test func `answers with fields`() throws {
    try check(.queryConsumerOffset) { try QueryConsumerOffset.Response($0).reply }
    try check(.searchOffsetByTimestamp) { try SearchOffsetByTimestamp.Response($0).reply }
    try check(.getMaxOffset) { try GetMaxOffset.Response($0).reply }
    try check(.getMinOffset) { try GetMinOffset.Response($0).reply }
    try check(.getEarliestMessageStoreTime) { try GetEarliestMessageStoreTime.Response($0).reply }
    try check(.queryMessage) { try QueryMessage.Response($0).reply }
    try check(.getBrokerConfig) { try GetBrokerConfig.Response($0).reply }
    try check(.getKVConfig) { try GetKVConfig.Response($0).reply }
    try check(.registerBroker) { try RegisterBroker.Response($0).reply }
    try check(.queryDataVersion) { try QueryDataVersion.Response($0).reply }
    try check(.wipeWritePermOfBroker) { try WipeWritePermOfBroker.Response($0).reply }
    try check(.addWritePermOfBroker) { try AddWritePermOfBroker.Response($0).reply }
  }

  @Test(arguments: [RequestCode.sendMessage, .sendMessageV2, .sendBatchMessage, .pullMessage])
  func `answers of the hot requests`(code: RequestCode) throws {
    var checked = 0
    for sample in try FrameFixtures.samples(code) where !sample.response.isEmpty {
      let recorded = try Command(frame: sample.response.rawSpan)
      guard recorded.responseCode == .success else { continue }
      checked += 1
      var decoder = ResponseDecoder()
      let response = try decoder.decode(frame: sample.response.rawSpan)
      var output = ByteWriter()
      let request = CommandHeader(code: code.rawValue, id: response.id, type: recorded.header.type)
      var writer = ResponseWriter.begin(request, code: response.code, remark: recorded.remark, into: &output)
      if code == .pullMessage {
        try PullMessage.Response(response).write(&writer, into: &output)
      } else {
        let region = Array("DefaultRegion".utf8)
        SendMessage.writeBroker(region: region.rawSpan, traceOn: true, &writer, into: &output)
        try SendMessage.Response(response).write(&writer, into: &output)
      }
      writer.finishHeader(into: &output)
      output.write(recorded.body)
      writer.end(into: &output)
      let written = try Command(frame: output.bytes)
      #expect(Set(written.fields ?? []) == Set(recorded.fields ?? []), "\(sample.testDescription)")
      #expect(written.body == recorded.body && written.header == recorded.header)
    }
    #expect(checked > 0)
  }
}
