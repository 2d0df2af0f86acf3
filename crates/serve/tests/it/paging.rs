//! `tags/list` in pages.

use crate::support::Site;

#[test]
fn pages_by_their_links() {
    let site = Site::start();
    let tags: Vec<String> = (10..35).map(|number| format!("{number}.0")).collect();
    let list = serde_json::json!({"name": "lab/tool", "tags": tags}).to_string();
    site.write("v2/lab/tool/tags/list", &list);
    let whole = site.get("/v2/lab/tool/tags/list?n=1000");
    assert_eq!((whole.text(), whole.field("link")), (list, ""));
    let (mut target, mut found, mut pages) = ("/v2/lab/tool/tags/list?n=10".to_owned(), vec![], 0);
    loop {
        let answer = site.get(&target);
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.field("content-type"), "application/json");
        assert_eq!(
            answer.field("content-length"),
            answer.body.len().to_string()
        );
        let page: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(page["name"], "lab/tool");
        let tags = page["tags"].as_array().unwrap();
        found.extend(tags.iter().map(|tag| tag.as_str().unwrap().to_owned()));
        pages += 1;
        let link = answer.field("link");
        if link.is_empty() {
            break;
        }
        let next = link.strip_prefix('<').unwrap();
        target = next.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!((found, pages), (tags, 3));
    let answer = site.get("/v2/lab/tool/tags/list?n=0");
    assert_eq!(answer.text(), "{\"name\":\"lab/tool\",\"tags\":[]}\n");
    let answer = site.get("/v2/lab/tool/tags/list?n=many");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.oci_code(), "PAGINATION_NUMBER_INVALID");
    let answer = site.get("/v2/lab/other/tags/list?n=2");
    assert_eq!((answer.status, &*answer.oci_code()), (404, "NAME_UNKNOWN"));
    // A page has a validator of its own.
    let pages = ["?n=1", "?n=2", ""].map(|query| {
        let answer = site.get(&format!("/v2/lab/tool/tags/list{query}"));
        answer.field("etag").to_owned()
    });
    assert!(pages[0] != pages[1] && pages[1] != pages[2]);
}
