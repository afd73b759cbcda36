/// How much peers of an HTTP server may ask of it.
package struct HTTPLimits: Hashable, Sendable {
  /// Connections at once. One more takes the place of the one that has been idle longest; without an idle one it is
  /// closed.
  package var connections = 256
  /// How long a head may take to come, from the connection's opening or the head's first byte on.
  package var headDeadline = Duration.seconds(10)
  /// How long a connection may stay open between requests.
  package var idleLimit = Duration.seconds(75)
  /// How long an answer may take to leave.
  package var sendDeadline = Duration.seconds(30)
  /// How long a peer whose request was refused may take to read why.
  package var lingerLimit = Duration.seconds(1)
  /// How long no connection is taken when the process has no descriptors left.
  package var acceptPause = Duration.milliseconds(100)

  /// Enough for scrapers and probes.
  package init() {}
}
