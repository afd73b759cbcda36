import ApusBase
import Testing

@Suite struct DiskSpaceTests {
  @Test func `the used share is that of df: what is reserved for root is neither used nor usable`() {
    let space = DiskSpace(total: 1000, free: 550, available: 500)
    #expect(space.used == 450 && space.usable == 950)
    #expect(space.usedRatio == 450.0 / 950.0)
    #expect(DiskSpace(total: 1000, free: 50, available: 0).usedRatio == 1)
    #expect(DiskSpace(total: 1000, free: 1000, available: 950).usedRatio == 0)
  }

  @Test func `without a reserve the share is of everything`() {
    #expect(DiskSpace(total: 1000, available: 250).usedRatio == 0.75)
    #expect(DiskSpace(total: 0, available: 0).usedRatio == 0)
  }
}
