import ApusBase
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

  /// 102 DELETE_KV_CONFIG: removes a value; one that does not exist is no error. Fields: `namespace`, `key`.
  func deleteKVConfig(_ request: borrowing Request) throws(Refusal) -> Outcome {
    let setting = try DeleteKVConfig.Request(request)
    return .write { [self] in
      changeKV { $0.remove(setting.key, in: setting.namespace) }
    }
  }

  /// 101 GET_KV_CONFIG. Fields: `namespace`, `key`. Answers `value`, or 22.
  func kvConfig(_ request: borrowing Request) throws(Refusal) -> Reply {
    let setting = try GetKVConfig.Request(request)
    guard let value = kv.withLock({ $0.value(of: setting.key, in: setting.namespace) }) else {
      throw Refusal(.queryNotFound, "No config item, Namespace: \(setting.namespace) Key: \(setting.key)")
    }
    return GetKVConfig.Response(value: value).reply
  }

  /// 219 GET_KVLIST_BY_NAMESPACE. Field: `namespace`. Answers a KVTable, or 22.
  func kvList(_ request: borrowing Request) throws(Refusal) -> Reply {
    let namespace = try GetKVListByNamespace.Request(request).namespace
    guard let body = kv.withLock({ $0.body(of: namespace) }) else {
      throw Refusal(.queryNotFound, "No config item, Namespace: \(namespace)")
    }
    return Reply(body: body.bytes())
  }
}
