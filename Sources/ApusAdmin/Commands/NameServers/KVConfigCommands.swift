import ApusCommandLine

/// `updateKvConfig`: sets a value of the name servers' key-value configuration.
struct UpdateKVConfigCommand: AdminCommand {
  static let description = admin(
    "updateKvConfig", "Set a value of the name servers' key-value configuration.",
    options: [
      Option("namespace", "s", value: "NAMESPACE", required: true, help: "The namespace."),
      Option("key", "k", value: "KEY", required: true, help: "The key."),
      Option("value", "v", value: "VALUE", required: true, help: "The value."),
    ])

  private let namespace: String
  private let key: String
  private let value: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    namespace = try arguments.required("namespace")
    key = try arguments.required("key")
    value = arguments.trimmed("value") ?? ""
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await session.putValue(value, of: key, in: namespace)
    session.say(
      "create or update kv config to namespace success.",
      ["namespace": .text(namespace), "key": .text(key), "value": .text(value)])
  }
}

/// `deleteKvConfig`: removes a value of the name servers' key-value configuration.
struct DeleteKVConfigCommand: AdminCommand {
  static let description = admin(
    "deleteKvConfig", "Delete a value of the name servers' key-value configuration.",
    options: [
      Option("namespace", "s", value: "NAMESPACE", required: true, help: "The namespace."),
      Option("key", "k", value: "KEY", required: true, help: "The key."),
    ], destroys: "delete a value of the name servers")

  private let namespace: String
  private let key: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    namespace = try arguments.required("namespace")
    key = try arguments.required("key")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("delete the key '\(key)' of the namespace '\(namespace)' at all name servers")
    guard try await session.deleteValue(of: key, in: namespace) else {
      throw AdminError("no name server has the key '\(key)' in the namespace '\(namespace)'")
    }
    session.say(
      "delete kv config from namespace success.",
      ["namespace": .text(namespace), "key": .text(key), "result": "deleted"])
  }
}

extension AdminSession {
  /// Sets a value of the key-value configuration at all name servers.
  func putValue(_ value: String, of key: String, in namespace: String) async throws(AdminError) {
    try await each(client.nameServers) { server throws(AdminError) in
      try await client.putValue(value, of: key, in: namespace, atNameServer: server)
    }
  }

  /// Removes a value of the key-value configuration from all name servers; false when none had it.
  func deleteValue(of key: String, in namespace: String) async throws(AdminError) -> Bool {
    var isKnown = false
    try await each(client.nameServers) { server throws(AdminError) in
      guard try await client.value(of: key, in: namespace, atNameServer: server) != nil else { return }
      try await client.deleteValue(of: key, in: namespace, atNameServer: server)
      isKnown = true
    }
    return isKnown
  }
}
