import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 205 WIPE_WRITE_PERM_OF_BROKER: closes a broker group to producers in this name server, until the group registers
  /// with changed topics.
  ///
  /// Field: `brokerName`. Answers `wipeTopicCount`.
  func wipeWritePermOfBroker(_ request: borrowing Request) throws(Refusal) -> Reply {
    let name = try WipeWritePermOfBroker.Request(request).brokerName
    return WipeWritePermOfBroker.Response(topicCount: allowWriting(false, to: name)).reply
  }

  /// Changes the write permission of a broker group. Returns how many topics that concerned.
  func allowWriting(_ isAllowed: Bool, to name: String) -> Int32 {
    let count = Int32(clamping: routes.withLock { $0.allowWriting(isAllowed, to: name) })
    log.info("namesrv", "write permission changed", ["name": name, "allowed": isAllowed, "topics": count])
    return count
  }
}
