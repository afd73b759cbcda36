import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 205 WIPE_WRITE_PERM_OF_BROKER and 327 ADD_WRITE_PERM_OF_BROKER: closes a broker group to producers in this name
  /// server, or opens it again, until the group registers with changed topics.
  ///
  /// Field: `brokerName`. Answers `wipeTopicCount` or `addTopicCount`.
  func writePermission(_ request: borrowing Request, isAllowed: Bool) throws(Refusal) -> Reply {
    let name = try WipeWritePermOfBroker.Request(request).brokerName
    let count = Int32(clamping: routes.withLock { $0.allowWriting(isAllowed, to: name) })
    log.info("namesrv", "write permission changed", ["name": name, "allowed": isAllowed, "topics": count])
    return isAllowed
      ? AddWritePermOfBroker.Response(topicCount: count).reply : WipeWritePermOfBroker.Response(topicCount: count).reply
  }
}
