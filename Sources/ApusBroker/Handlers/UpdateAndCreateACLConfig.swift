import ApusAccess
package import ApusProtocol
package import ApusSystem

/// Code 50: makes an account of access control or changes it, in the file that has it. When it is answered the file is
/// written and every loop goes by it.
package struct UpdateAndCreateACLConfigHandler: RequestHandler {
  private let files: AccessFiles
  private let log: Logger

  /// Takes its parts.
  package init(files: AccessFiles, log: Logger) {
    self.files = files
    self.log = log
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let asked = try UpdateAndCreateACLConfig.Request(request)
    let change = AccountChange(
      accessKey: asked.accessKey, secretKey: asked.secretKey, whiteRemoteAddress: asked.whiteRemoteAddress,
      isAdmin: asked.isAdmin, defaultTopicPermission: asked.defaultTopicPermission,
      defaultGroupPermission: asked.defaultGroupPermission, topicPermissions: asked.topicPermissions,
      groupPermissions: asked.groupPermissions)
    do throws(AccessFiles.ChangeError) {
      try files.update(change, now: SystemClock.wall())
    } catch {
      throw Refusal(.updateAndCreateACLConfigFailed, error, unknown: "there is no file for the account")
    }
    log.info(
      "access", "an account was changed",
      ["account": asked.accessKey, "by": requester.accountName, "peer": requester.address])
    return Reply()
  }
}
