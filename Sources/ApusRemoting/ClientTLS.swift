package import ApusSystem

/// TLS of connections that this process makes.
package struct ClientTLS: Sendable {
  /// What they show and trust.
  package var context: TLSContext
  /// Whether a server's certificate must be made out for what it is called by.
  package var checksServerName: Bool

  /// Uses a client's context.
  package init(_ context: TLSContext, checksServerName: Bool = false) {
    self.context = context
    self.checksServerName = checksServerName
  }

  /// What the settings say; nil when TLS is off. Throws, naming the file, for one that cannot be used.
  package init?(_ settings: TLSSettings) throws(TLSError) {
    guard settings.isClientEnabled else { return nil }
    context = try TLSContext.client(settings.clientCredentials, trust: settings.clientTrust)
    checksServerName = settings.checksServerName
  }
}
