import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 100 PUT_KV_CONFIG: sets a value. Fields: `namespace`, `key`, `value`.
  func putKVConfig(_ request: borrowing Request) throws(Refusal) -> Outcome {
    let setting = try PutKVConfig.Request(request)
    return .write { [self] in
      changeKV { $0.put(setting.value, forKey: setting.key, in: setting.namespace) }
    }
  }
}
