import ApusBase
import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// 100 PUT_KV_CONFIG: sets a value. Fields: `namespace`, `key`, `value`.
  func putKVConfig(_ request: borrowing Request) throws(Refusal) -> Outcome {
    let namespace = try request.text("namespace")
    let key = try request.text("key")
    let value = try request.text("value")
    return .write { [self] in
      changeKV { $0.put(value, forKey: key, in: namespace) }
    }
  }

  /// 102 DELETE_KV_CONFIG: removes a value; one that does not exist is no error. Fields: `namespace`, `key`.
  func deleteKVConfig(_ request: borrowing Request) throws(Refusal) -> Outcome {
    let namespace = try request.text("namespace")
    let key = try request.text("key")
    return .write { [self] in
      changeKV { $0.remove(key, in: namespace) }
    }
  }

  /// 101 GET_KV_CONFIG. Fields: `namespace`, `key`. Answers `value`, or 22.
  func kvConfig(_ request: borrowing Request) throws(Refusal) -> Reply {
    let namespace = try request.text("namespace")
    let key = try request.text("key")
    guard let value = kv.withLock({ $0.value(of: key, in: namespace) }) else {
      throw Refusal(.queryNotFound, "No config item, Namespace: \(namespace) Key: \(key)")
    }
    return Reply(fields: [ReplyField("value", value)])
  }

  /// 219 GET_KVLIST_BY_NAMESPACE. Field: `namespace`. Answers a KVTable, or 22.
  func kvList(_ request: borrowing Request) throws(Refusal) -> Reply {
    let namespace = try request.text("namespace")
    guard let body = kv.withLock({ $0.body(of: namespace) }) else {
      throw Refusal(.queryNotFound, "No config item, Namespace: \(namespace)")
    }
    return Reply(body: body.bytes())
  }
}
