import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 101 GET_KV_CONFIG. Fields: `namespace`, `key`. Answers `value`, or 22.
  func getKVConfig(_ request: borrowing Request) throws(Refusal) -> Reply {
    let setting = try GetKVConfig.Request(request)
    guard let value = kv.withLock({ $0.value(of: setting.key, in: setting.namespace) }) else {
      throw Refusal(.queryNotFound, "No config item, Namespace: \(setting.namespace) Key: \(setting.key)")
    }
    return GetKVConfig.Response(value: value).reply
  }
}
