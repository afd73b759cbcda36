import ApusProtocol

extension NameServerRequests {
  /// 327 ADD_WRITE_PERM_OF_BROKER: opens a broker group to producers again.
  ///
  /// Field: `brokerName`. Answers `addTopicCount`.
  func addWritePermOfBroker(_ request: borrowing Request) throws(Refusal) -> Reply {
    let name = try AddWritePermOfBroker.Request(request).brokerName
    return AddWritePermOfBroker.Response(topicCount: allowWriting(true, to: name)).reply
  }
}
