package import ApusProtocol

/// A change that was made in the tables of a broker and is answered when their files hold it.
package struct ConfigChange: Sendable {
  /// The files that are to hold it.
  package var files: ConfigStore.Files
  /// The answer once they do.
  package var reply: Reply
  /// Called once they do, before the answer is given.
  package var saved: @Sendable () -> Void

  /// Describes a change.
  package init(in files: ConfigStore.Files, reply: Reply = Reply(), saved: @escaping @Sendable () -> Void = {}) {
    self.files = files
    self.reply = reply
    self.saved = saved
  }
}

/// Makes the changes that requests of one code ask for, on a thread that may wait for the device and one at a time:
/// ``ConfigCommit`` calls it, saves the files and answers.
package protocol ChangingHandler: Sendable {
  /// Changes the tables; throws what the request is refused with.
  func change(_ request: Command, from requester: Requester) throws(Refusal) -> ConfigChange
}
