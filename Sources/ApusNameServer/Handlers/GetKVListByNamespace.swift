import ApusBase
import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 219 GET_KVLIST_BY_NAMESPACE. Field: `namespace`. Answers a KVTable, or 22.
  func getKVListByNamespace(_ request: borrowing Request) throws(Refusal) -> Reply {
    let namespace = try GetKVListByNamespace.Request(request).namespace
    guard let body = kv.withLock({ $0.body(of: namespace) }) else {
      throw Refusal(.queryNotFound, "No config item, Namespace: \(namespace)")
    }
    return Reply(body: body.bytes())
  }
}
