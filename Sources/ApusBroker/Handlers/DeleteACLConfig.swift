import ApusAccess
package import ApusProtocol
package import ApusSystem

/// Code 51: removes an account of access control.
package struct DeleteACLConfigHandler: RequestHandler {
  private let files: AccessFiles
  private let log: Logger

  /// Takes its parts.
  package init(files: AccessFiles, log: Logger) {
    self.files = files
    self.log = log
  }

  /// Answers; an account that is not there is refused in Java's words.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let accessKey = try request.text("accessKey")
    do throws(AccessFiles.ChangeError) {
      try files.remove(accessKey: accessKey, now: SystemClock.wall())
    } catch {
      throw Refusal(
        .deleteACLConfigFailed, error,
        unknown: "The accesskey[\(accessKey)] corresponding to accessConfig has been deleted failed.")
    }
    log.info(
      "access", "an account was removed",
      ["account": accessKey, "by": requester.accountName, "peer": requester.address])
    return Reply()
  }
}
