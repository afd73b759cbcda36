package import ApusBase
package import ApusProtocol

extension AdminClient {
  /// 100: sets a value of the key-value configuration of a name server.
  package func putValue(
    _ value: String, of key: String, in namespace: String, atNameServer server: String
  ) async throws(AdminError) {
    try await ask(PutKVConfig.Request(namespace: namespace, key: key, value: value), at: server)
  }

  /// 101: a value of the key-value configuration; nil when there is none.
  package func value(of key: String, in namespace: String) async throws(AdminError) -> String? {
    do throws(AdminError) {
      let answer = try await askNameServer(GetKVConfig.Request(namespace: namespace, key: key))
      return try Self.fields(answer, from: "the name server", GetKVConfig.Response.init).value
    } catch {
      if error.code == .queryNotFound { return nil }
      throw error
    }
  }

  /// 101: a value of the key-value configuration, as one name server knows it; nil when it has none.
  package func value(
    of key: String, in namespace: String, atNameServer server: String
  ) async throws(AdminError) -> String? {
    do throws(AdminError) {
      let answer = try await ask(GetKVConfig.Request(namespace: namespace, key: key), at: server)
      return try Self.fields(answer, from: server, GetKVConfig.Response.init).value
    } catch {
      if error.code == .queryNotFound { return nil }
      throw error
    }
  }

  /// 102: removes a value of the key-value configuration from a name server.
  package func deleteValue(
    of key: String, in namespace: String, atNameServer server: String
  ) async throws(AdminError) {
    try await ask(DeleteKVConfig.Request(namespace: namespace, key: key), at: server)
  }

  /// 219: the values of a namespace of the key-value configuration.
  package func values(in namespace: String) async throws(AdminError) -> KVTable {
    try await askNameServer(GetKVListByNamespace.Request(namespace: namespace), for: KVTable.self)
  }

  /// 205: takes the permission to write from all queues of a broker group, in the routes of a name server. Returns of
  /// how many topics.
  package func wipeWritePermission(
    of brokerName: String, atNameServer server: String
  ) async throws(AdminError) -> Int {
    let answer = try await ask(WipeWritePermOfBroker.Request(brokerName: brokerName), at: server)
    return Int(try Self.fields(answer, from: server, WipeWritePermOfBroker.Response.init).topicCount)
  }

  /// 327: gives back the permission to write. Returns of how many topics.
  package func addWritePermission(
    of brokerName: String, atNameServer server: String
  ) async throws(AdminError) -> Int {
    let answer = try await ask(AddWritePermOfBroker.Request(brokerName: brokerName), at: server)
    return Int(try Self.fields(answer, from: server, AddWritePermOfBroker.Response.init).topicCount)
  }

  /// 318: changes a setting of a name server. What the server says of it, as that it does not know it; nil when it says
  /// nothing.
  package func updateNameServer(
    _ server: String, key: String, value: String
  ) async throws(AdminError) -> String? {
    try await ask(UpdateNamesrvConfig.Request(properties: Self.properties(key, value)), at: server).remark
  }

  /// 319: the settings of a name server.
  package func settings(ofNameServer server: String) async throws(AdminError) -> PropertiesFile {
    try Self.properties(try await ask(GetNamesrvConfig.Request(), at: server), from: server)
  }

  /// One setting as the text of a properties file.
  static func properties(_ key: String, _ value: String) -> String {
    String(decoding: PropertiesFile([PropertiesFile.Entry(key, value)]).text, as: UTF8.self)
  }

  /// The settings in the body of an answer.
  static func properties(_ answer: Command, from server: String) throws(AdminError) -> PropertiesFile {
    do throws(DecodeError) {
      return try PropertiesFile(parsing: answer.body.rawSpan)
    } catch {
      throw AdminError(error, from: server)
    }
  }
}
