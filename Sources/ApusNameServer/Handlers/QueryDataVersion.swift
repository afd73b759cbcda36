import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 322 QUERY_DATA_VERSION: does the name server know a broker's present topics?
  ///
  /// Fields: `brokerName`, `brokerAddr`, `clusterName`, `brokerId`. Body: the broker's DataVersion. Answers
  /// `changed`, and the DataVersion known here unless the broker is not.
  func queryDataVersion(_ request: borrowing Request, _ context: Context) throws(Refusal) -> Reply {
    let message = try QueryDataVersion.Request(request)
    let (isChanged, known) = routes.withLock {
      $0.compare(message.version, of: message.brokerAddress, over: context.link, now: context.now)
    }
    return QueryDataVersion.Response(changed: isChanged, version: known).reply
  }
}
