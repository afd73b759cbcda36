import ApusBase

/// Tells when a certificate is about to cease to be good, so that somebody replaces it before clients leave: once a day
/// from two weeks before on, and afterwards.
struct CertificateTerm {
  private static let day = Duration.seconds(86_400)
  private static let notice = Duration.seconds(14 * 86_400)

  private var told: WallTime?

  /// What is to be said of a certificate that is good until `end`; nil for nothing, or nothing new today.
  mutating func complaint(end: WallTime, now: WallTime) -> String? {
    let left = Duration.milliseconds(end.milliseconds - now.milliseconds)
    guard left < Self.notice else {
      told = nil
      return nil
    }
    if let told, now >= told, now < told.advanced(byMilliseconds: Self.day.milliseconds) { return nil }
    told = now
    guard left > .zero else { return "the certificate has expired: clients that check it do not connect" }
    return "the certificate expires in less than \(left.milliseconds / Self.day.milliseconds + 1) days"
  }
}
