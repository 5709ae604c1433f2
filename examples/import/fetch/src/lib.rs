//! 공공데이터포털의 API를 쪽마다 받아 `drug_import.page`에 넣는다. 끊기면 이어서 받는다.
//! Pages an API of data.go.kr into `drug_import.page`, and goes on where it stopped.
//!
//! * [`api`]: one request, and what its answer means: a page, an error that may pass, or one that will not.
//! * [`fetch`]: which pages are missing, and waiting between tries.
//! * [`store`]: where the pages go.

pub mod api;
pub mod fetch;
pub mod store;
