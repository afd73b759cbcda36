import ApusAccess
package import ApusProtocol
package import ApusSystem

/// Code 53: replaces the addresses that need no account. A path must be that of a file that is in use already, so that
/// no request chooses where anything is written.
package struct UpdateGlobalWhiteAddrsConfigHandler: RequestHandler {
  private let files: AccessFiles
  private let log: Logger

  /// Takes its parts.
  package init(files: AccessFiles, log: Logger) {
    self.files = files
    self.log = log
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let text = try request.text("globalWhiteAddrs")
    let path = request["aclFileFullPath"].flatMap { $0.isEmpty ? nil : $0 }
    do throws(AccessFiles.ChangeError) {
      let addresses = text.split(separator: ",").map { String($0) }
      try files.replaceGlobalAddresses(by: addresses, path: path, now: SystemClock.wall())
    } catch {
      throw Refusal(
        .updateGlobalWhiteAddressesConfigFailed, error,
        unknown: "The globalWhiteAddresses[\(text)] has been updated failed: aclFileFullPath is no file that is in use")
    }
    log.info(
      "access", "the global addresses were changed",
      ["addresses": text, "by": requester.accountName, "peer": requester.address])
    return Reply()
  }
}

extension Requester {
  /// Who is behind a change, for the log.
  var accountName: String { grant.accessKey ?? "a listed address" }
}
