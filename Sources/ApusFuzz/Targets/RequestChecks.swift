import ApusBase
import ApusProtocol

/// The typed forms of requests: whatever fields and body a frame has, each form either reads them or says why not, and
/// writes what it has read so that it reads the same.
enum RequestChecks {
  private typealias Reader = @Sendable (borrowing Request) throws(FuzzFinding) -> Void

  static func check(_ input: [UInt8]) throws(FuzzFinding) {
    var decoder = RequestDecoder()
    let request: Request
    do throws(DecodeError) {
      request = try decoder.decode(frame: input.rawSpan)
    } catch {
      return
    }
    for reader in readers { try reader(request) }
    try send(request)
    try pull(request)
  }

  /// The forms that are written as they are read.
  private static let readers: [Reader] = [
    typed(AddWritePermOfBroker.Request.init),
    typed(CloneGroupOffset.Request.init),
    typed(ConsumeMessageDirectly.Request.init),
    typed(ConsumerSendMessageBack.Request.init),
    typed(DeleteACLConfig.Request.init),
    typed(DeleteKVConfig.Request.init),
    typed(DeleteSubscriptionGroup.Request.init),
    typed(DeleteTopicInBroker.Request.init),
    typed(DeleteTopicInNamesrv.Request.init),
    typed(GetBrokerConsumeStats.Request.init),
    typed(GetConsumeStats.Request.init),
    typed(GetConsumerConnectionList.Request.init),
    typed(GetConsumerListByGroup.Request.init),
    typed(GetConsumerRunningInfo.Request.init),
    typed(GetConsumerStatusFromClient.Request.init),
    typed(GetEarliestMessageStoreTime.Request.init),
    typed(GetKVConfig.Request.init),
    typed(GetKVListByNamespace.Request.init),
    typed(GetMaxOffset.Request.init),
    typed(GetMinOffset.Request.init),
    typed(GetProducerConnectionList.Request.init),
    typed(GetRouteInfoByTopic.Request.init),
    typed(GetTopicStatsInfo.Request.init),
    typed(GetTopicsByCluster.Request.init),
    typed(Heartbeat.Request.init),
    typed(InvokeBrokerToGetConsumerStatus.Request.init),
    typed(InvokeBrokerToResetOffset.Request.init),
    typed(LockBatchMessageQueue.Request.init),
    typed(NotifyConsumerIDsChanged.Request.init),
    typed(PushReplyMessageToClient.Request.init),
    typed(PutKVConfig.Request.init),
    typed(QueryConsumeQueue.Request.init),
    typed(QueryConsumeTimeSpan.Request.init),
    typed(QueryCorrectionOffset.Request.init),
    typed(QueryDataVersion.Request.init),
    typed(QueryMessage.Request.init),
    typed(QueryTopicConsumeByWho.Request.init),
    typed(RegisterBroker.Request.init),
    typed(ResetConsumerClientOffset.Request.init),
    typed(ResumeCheckHalfMessage.Request.init),
    typed(SearchOffsetByTimestamp.Request.init),
    typed(UnlockBatchMessageQueue.Request.init),
    typed(UnregisterBroker.Request.init),
    typed(UnregisterClient.Request.init),
    typed(UpdateAndCreateACLConfig.Request.init),
    typed(UpdateAndCreateSubscriptionGroup.Request.init),
    typed(UpdateAndCreateTopic.Request.init),
    typed(UpdateBrokerConfig.Request.init),
    typed(UpdateGlobalWhiteAddrsConfig.Request.init),
    typed(UpdateNamesrvConfig.Request.init),
    typed(ViewBrokerStatsData.Request.init),
    typed(ViewMessageByID.Request.init),
    typed(WipeWritePermOfBroker.Request.init),
  ]

  private static func typed<Form: OutgoingRequest>(
    _ read: @escaping @Sendable (borrowing Request) throws(Refusal) -> Form
  ) -> Reader {
    { (request) throws(FuzzFinding) in
      let form: Form
      do throws(Refusal) {
        form = try read(request)
      } catch {
        return
      }
      var writer = ByteWriter()
      form.encode(id: RequestID(1), type: request.header.type, into: &writer)
      let again = try written(writer.bytes, "\(form)") { (request) throws(Refusal) in try read(request) }
      try require(again == form, "\(form), written and read again, is \(again)")
    }
  }

  /// Reads a form from the frame that was just written of one.
  private static func written<Form>(
    _ frame: RawSpan, _ what: @autoclosure () -> String, _ read: (borrowing Request) throws(Refusal) -> Form
  ) throws(FuzzFinding) -> Form {
    var decoder = RequestDecoder()
    do {
      return try read(try decoder.decode(frame: frame))
    } catch {
      throw FuzzFinding("\(what()), written, cannot be read: \(error)")
    }
  }

  // MARK: Forms that are views

  /// A send says the same under its long and its short names.
  private static func send(_ request: borrowing Request) throws(FuzzFinding) {
    let read: SendMessage.Request
    do throws(Refusal) {
      read = try SendMessage.Request(request)
    } catch {
      return
    }
    let told = described(read)
    for code in [RequestCode.sendMessage, .sendMessageV2] {
      var writer = ByteWriter()
      read.encode(code, id: RequestID(1), type: request.header.type, into: &writer)
      let again = try written(writer.bytes, told) { (request) throws(Refusal) in
        described(try SendMessage.Request(request))
      }
      try require(again == told, "a send of \(told), written with code \(code), is one of \(again)")
    }
  }

  private static func described(_ send: borrowing SendMessage.Request) -> String {
    let texts = [send.producerGroup.array, send.topic.array, send.defaultTopic.array, send.properties.array]
    let numbers = [send.defaultTopicQueueCount, send.queueID, send.sysFlag, send.flag, send.reconsumeTimes]
    return """
      \(texts) \(numbers) \(send.bornTime) \(send.unitMode) \(send.isBatch) \(send.maxReconsumeTimes as Any) \
      \(send.brokerName?.array as Any) \(send.body.array)
      """
  }

  private static func pull(_ request: borrowing Request) throws(FuzzFinding) {
    let read: PullMessage.Request
    do throws(Refusal) {
      read = try PullMessage.Request(request)
    } catch {
      return
    }
    let told = described(read)
    var writer = ByteWriter()
    read.encode(id: RequestID(1), type: request.header.type, into: &writer)
    let again = try written(writer.bytes, told) { (request) throws(Refusal) in
      described(try PullMessage.Request(request))
    }
    try require(again == told, "a pull of \(told), written, is one of \(again)")
  }

  private static func described(_ pull: borrowing PullMessage.Request) -> String {
    """
    \(pull.consumerGroup.array) \(pull.topic.array) \(pull.queueID) \(pull.queueOffset) \(pull.maxMessages) \
    \(pull.flags) \(pull.commitOffset) \(pull.suspendTimeoutMillis) \(pull.subscription?.array as Any) \
    \(pull.subscriptionVersion) \(pull.expressionType?.array ?? Array("TAG".utf8)) \(pull.brokerName?.array as Any)
    """
  }
}
