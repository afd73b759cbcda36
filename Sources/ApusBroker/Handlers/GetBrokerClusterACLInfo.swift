import ApusAccess
package import ApusProtocol

/// Code 52: which states the files of access control are in. Nothing of what they hold.
package struct GetBrokerClusterACLInfoHandler: RequestHandler {
  private let files: AccessFiles
  private let identity: BrokerIdentity

  /// Takes its parts.
  package init(files: AccessFiles, identity: BrokerIdentity) {
    self.files = files
    self.identity = identity
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let versions = files.versions
    let answer = GetBrokerClusterACLInfo.Response(
      version: versions.usual, files: versions.files, broker: identity.name, address: identity.address,
      cluster: identity.cluster)
    return Reply(fields: answer.fields)
  }
}
