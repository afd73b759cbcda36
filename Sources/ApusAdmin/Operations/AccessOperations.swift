package import ApusProtocol

extension AdminClient {
  /// 50: makes an account at a broker, or changes it.
  package func updateAccount(
    _ account: UpdateAndCreateACLConfig.Request, at broker: String
  ) async throws(AdminError) {
    try await ask(account, at: broker)
  }

  /// 51: removes an account from a broker.
  package func deleteAccount(_ accessKey: String, at broker: String) async throws(AdminError) {
    try await ask(DeleteACLConfig.Request(accessKey: accessKey), at: broker)
  }

  /// 52: the versions of a broker's access control files.
  package func accessVersions(at broker: String) async throws(AdminError) -> GetBrokerClusterACLInfo.Response {
    let answer = try await ask(GetBrokerClusterACLInfo.Request(), at: broker)
    return try Self.fields(answer, from: broker, GetBrokerClusterACLInfo.Response.init)
  }

  /// 53: sets the addresses that need no account at a broker; `path` is the file that says so, nil for the default.
  package func updateWhiteAddresses(
    _ addresses: String, path: String?, at broker: String
  ) async throws(AdminError) {
    try await ask(UpdateGlobalWhiteAddrsConfig.Request(addresses: addresses, path: path), at: broker)
  }
}
