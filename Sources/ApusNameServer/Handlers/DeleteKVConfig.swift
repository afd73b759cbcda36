import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 102 DELETE_KV_CONFIG: removes a value; one that does not exist is no error. Fields: `namespace`, `key`.
  func deleteKVConfig(_ request: borrowing Request) throws(Refusal) -> Outcome {
    let setting = try DeleteKVConfig.Request(request)
    return .write { [self] in
      changeKV { $0.remove(setting.key, in: setting.namespace) }
    }
  }
}
