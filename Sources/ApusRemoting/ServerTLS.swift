import ApusBase
package import ApusSystem

/// TLS of the ports of a server. Files that change are read again, off the event loops: new connections get what they
/// hold, open ones keep what they began with. Files that cannot be used change nothing.
package final class ServerTLS: Sendable {
  /// What ports do with either kind of peer.
  package let mode: TLSMode

  private let identity: TLSSettings.ServerIdentity
  /// Nil until the first connection where the certificate is our own.
  private let current: Locked<TLSContext?>
  private let watcher = StepThread(name: "apus-tls")
  private let term = Locked(CertificateTerm())
  /// The stamps of the files before they were read.
  private let loaded: [FileStamp?]

  /// How often files are looked at, as in Java.
  package static let watchInterval = Duration.milliseconds(500)

  /// Reads the files. Throws, naming the file, for one that cannot be used. With `disabled` none is read.
  package init(mode: TLSMode, identity: TLSSettings.ServerIdentity = .selfSigned) throws(TLSError) {
    self.mode = mode
    self.identity = identity
    loaded = ServerTLS.stamps(identity)
    var context: TLSContext?
    if mode != .disabled, case .files = identity { context = try ServerTLS.load(identity) }
    current = Locked(context)
  }

  /// The context for a new connection. Making one's own certificate takes a millisecond, once.
  func context() throws(TLSError) -> TLSContext {
    if let context = current.withLock({ $0 }) { return context }
    let made = try ServerTLS.load(identity)
    // Two loops may both have made one.
    return current.withLock { context in
      context = context ?? made
      return context ?? made
    }
  }

  private static func load(_ identity: TLSSettings.ServerIdentity) throws(TLSError) -> TLSContext {
    switch identity {
    case .selfSigned: try TLSContext.selfSigned()
    case .files(let credentials, let clientCertificate, let trust):
      try TLSContext.server(credentials, clientCertificate: clientCertificate, trust: trust)
    }
  }

  // MARK: Watching

  /// Reads files again when they change, from now on. A thread looks twice a second; without files there is none.
  package func startWatching(log: Logger) throws(SystemError) {
    guard mode != .disabled, !loaded.isEmpty else { return }
    let watch = Locked(TLSFileWatch(loaded))
    tellTerm(log, now: SystemClock.wall())
    try watcher.start { [self] now in
      let stamps = ServerTLS.stamps(identity)
      if watch.withLock({ $0.isDue(stamps) }) { reload(log) }
      tellTerm(log, now: SystemClock.wall())
      return now + ServerTLS.watchInterval
    }
  }

  /// Looks at the files no more.
  package func stopWatching() { watcher.stop() }

  /// Reads the files now.
  func reload(_ log: Logger) {
    do throws(TLSError) {
      let context = try ServerTLS.load(identity)
      current.withLock { $0 = context }
      log.info("tls", "certificates were read again", ["files": ServerTLS.files(identity).joined(separator: " ")])
    } catch {
      log.error("tls", "changed certificates cannot be used; the old ones stay", ["reason": error])
    }
  }

  /// Warns of a certificate that expires soon.
  func tellTerm(_ log: Logger, now: WallTime) {
    guard let end = current.withLock({ $0?.certificateEnd }),
      let complaint = term.withLock({ $0.complaint(end: end, now: now) })
    else { return }
    log.warning("tls", complaint, ["files": ServerTLS.files(identity).joined(separator: " ")])
  }

  private static func files(_ identity: TLSSettings.ServerIdentity) -> [String] {
    guard case .files(let credentials, _, let trust) = identity else { return [] }
    var files = [credentials.certificatePath, credentials.keyPath]
    if case .file(let path) = trust { files.append(path) }
    return files
  }

  private static func stamps(_ identity: TLSSettings.ServerIdentity) -> [FileStamp?] {
    files(identity).map { FileStamp(of: $0) }
  }
}
